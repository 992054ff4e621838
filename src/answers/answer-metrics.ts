// Metrics beside the rpcs: how fresh the answers are, and what the cache of answers holds and
// saves.
import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * Declares the gauge of freshness, and returns how to set it: `data_as_of` in epoch microseconds.
 */
export function freshnessMetric(registry: Registry): (dataAsOf: number | undefined) => void {
  const gauge = new Gauge({
    name: 'sms_analytics_data_as_of_timestamp_seconds',
    help:
      'Everything published before this instant is in the answers, in epoch seconds; ' +
      '0 before the first',
    registers: [registry],
  });
  return (dataAsOf) => gauge.set((dataAsOf ?? 0) / 1_000_000);
}

/** What of the cache of answers is measured; hits and misses since the process began. */
interface CacheUse {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
}

/** Declares the metrics of the cache of answers; `use` is asked when Prometheus asks. */
export function cacheMetrics(registry: Registry, use: () => CacheUse): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  // The cache keeps the totals; a counter can only be added to, so it starts anew each time.
  const total = (name: string, help: string, value: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  gauge('sms_analytics_answer_cache_entries', 'Answers that are remembered', () => use().entries);
  gauge('sms_analytics_answer_cache_bytes', 'Their encoded size', () => use().bytes);
  total(
    'sms_analytics_answer_cache_hits_total',
    'Questions answered from the cache',
    () => use().hits,
  );
  total(
    'sms_analytics_answer_cache_misses_total',
    'Questions that were not in the cache',
    () => use().misses,
  );
}

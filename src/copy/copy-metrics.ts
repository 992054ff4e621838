// How old the copy in ClickHouse is, for Prometheus: a job that has ended cannot be scraped, so the
// api, which is always there, tells what the job has left in Postgres. It never touches ClickHouse.
import { Gauge, type Registry } from 'prom-client';
import { MICROS_PER_SECOND } from '../domain/time/instant.js';
import { type CopyLag, RUN_OUTCOMES } from './postgres/select-copy-lag.js';

/**
 * Declares the gauges; `read` is asked when Prometheus asks. Where it rejects, they keep what they
 * said last: Postgres has alerts of its own.
 */
export function copyMetrics(registry: Registry, read: () => Promise<CopyLag>): void {
  const registers = [registry];
  let asked: Promise<CopyLag | undefined> | undefined;
  /** One statement for the gauges of one scrape, which are collected side by side. */
  const lag = (): Promise<CopyLag | undefined> => {
    asked ??= read()
      .catch(() => undefined)
      .finally(() => {
        asked = undefined;
      });
    return asked;
  };
  new Gauge({
    name: 'sms_analytics_copy_completed_timestamp_seconds',
    help: 'When anlyt-etl last completed a verified copy, in epoch seconds; 0 before the first',
    registers,
    async collect() {
      const known = await lag();
      if (known !== undefined) this.set((known.copiedAt ?? 0) / MICROS_PER_SECOND);
    },
  });
  new Gauge({
    name: 'sms_analytics_copy_data_as_of_timestamp_seconds',
    help:
      'Everything published before this instant is in ClickHouse, in epoch seconds; ' +
      '0 before the first',
    registers,
    async collect() {
      const known = await lag();
      if (known !== undefined) this.set((known.dataAsOf ?? 0) / MICROS_PER_SECOND);
    },
  });
  new Gauge({
    name: 'sms_analytics_copy_last_run',
    help: '1 for how the last run of anlyt-etl ended, 0 for all else',
    labelNames: ['outcome'],
    registers,
    async collect() {
      const known = await lag();
      for (const outcome of RUN_OUTCOMES) {
        if (known !== undefined) this.set({ outcome }, known.lastOutcome === outcome ? 1 : 0);
      }
    },
  });
}

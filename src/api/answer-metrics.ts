// Metrics beside the rpcs: how full the database pools are, and how fresh the answers.
import { Gauge, type Registry } from 'prom-client';

/** What of a pool is measured. */
interface MeasuredPool {
  use(): { readonly open: number; readonly busy: number; readonly waiting: number };
}

/** Declares the gauges of the pools; they are read when Prometheus asks. */
export function poolMetrics(
  registry: Registry,
  pools: Readonly<Record<string, MeasuredPool>>,
): void {
  new Gauge({
    name: 'sms_analytics_pool_connections',
    help: 'Connections of a Postgres pool (open, busy) and reads that wait for one (waiting)',
    labelNames: ['pool', 'state'],
    registers: [registry],
    collect() {
      for (const [pool, measured] of Object.entries(pools)) {
        for (const [state, count] of Object.entries(measured.use())) {
          this.set({ pool, state }, count);
        }
      }
    },
  });
}

/** Declares the gauge of freshness, and returns how to set it: `data_as_of` in epoch microseconds. */
export function freshnessMetric(registry: Registry): (dataAsOf: number | undefined) => void {
  const gauge = new Gauge({
    name: 'sms_analytics_data_as_of_timestamp_seconds',
    help: 'Everything published before this instant is in the answers, in epoch seconds; 0 before the first',
    registers: [registry],
  });
  return (dataAsOf) => gauge.set((dataAsOf ?? 0) / 1_000_000);
}

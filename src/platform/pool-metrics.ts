// How full the database pools of a process are, for Prometheus.
import { Gauge, type Registry } from 'prom-client';

/** What of a pool is measured. */
export interface MeasuredPool {
  use(): { readonly open: number; readonly busy: number; readonly waiting: number };
}

/** Declares the gauge of the pools by their names; it is read when Prometheus asks. */
export function poolMetrics(
  registry: Registry,
  pools: Readonly<Record<string, MeasuredPool>>,
): void {
  new Gauge({
    name: 'sms_analytics_pool_connections',
    help: 'Connections of a Postgres pool (open, busy) and statements that wait for one (waiting)',
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

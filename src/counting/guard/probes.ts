// The probes by which readiness asks the guard; each answer also goes to the metrics.
import { formatDay } from '../../domain/time/instant.js';
import type { Probe } from '../../platform/readiness.js';
import { missingDaysAdvice } from '../days/missing-days.js';
import type { IngestMetrics } from '../telemetry/metrics.js';
import type { Watch } from './watch.js';

/** `guard` fails while counting is forbidden, `ledgerDays` while days are missing. */
export function guardProbes(
  watch: Pick<Watch, 'forbidden' | 'missingDays'>,
  metrics: Pick<IngestMetrics, 'observeForbidden' | 'observeMissingDays'>,
): Readonly<Record<'guard' | 'ledgerDays', Probe>> {
  return {
    guard: async () => {
      metrics.observeForbidden(watch.forbidden !== undefined);
      if (watch.forbidden !== undefined) throw new Error(watch.forbidden);
    },
    ledgerDays: async () => {
      const missing = [...watch.missingDays];
      metrics.observeMissingDays(missing.map(formatDay));
      if (missing.length > 0) throw new Error(missingDaysAdvice(missing));
    },
  };
}

// Everything that is said of counting: metrics, and the lines of the log.
import type { Registry } from 'prom-client';
import type { Log } from '../../platform/log.js';
import { BatchLines } from './batch-lines.js';
import { type IngestMetrics, ingestMetrics } from './metrics.js';
import { logRefusals } from './refusals.js';

export interface Observer extends IngestMetrics {
  /** Writes the line that still waits for its second. */
  flush(): void;
}

export function createObserver(registry: Registry, log: Log, monotonicMs: () => number): Observer {
  const metrics = ingestMetrics(registry);
  const lines = new BatchLines({ log, monotonicMs });
  return {
    ...metrics,
    observeDurable(durable) {
      metrics.observeDurable(durable);
      lines.noteDurable(durable);
    },
    observeBatch(envelopes, committed, durationMs) {
      metrics.observeBatch(envelopes, committed, durationMs);
      logRefusals(log, envelopes, committed);
      lines.note(envelopes, committed, durationMs);
    },
    flush: () => lines.flush(),
  };
}

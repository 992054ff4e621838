// The Prometheus registry of a process: build information, the Node defaults (memory, event-loop
// lag, garbage collection), and whatever each module declares on it. Invariant: label values come
// from closed sets, never from accounts, messages or other input.
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** A registry for one binary, with build information and the defaults of the Node process. */
export function createRegistry(binary: string, version: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ binary });
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'sms_analytics_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.version }, 1);
  return registry;
}

/**
 * Declares whether `/readyz` is fine, from the start on: a process that never becomes ready has no
 * other metric of it.
 */
export function readyMetric(registry: Registry, isReady: () => boolean): void {
  new Gauge({
    name: 'sms_analytics_ready',
    help: '1 while the process is ready, as /readyz says',
    registers: [registry],
    collect() {
      this.set(isReady() ? 1 : 0);
    },
  });
}

// The Prometheus registry of a process: build information, the Node defaults (memory, event-loop lag, garbage
// collection), and whatever each module declares on it. Invariant: label values come from closed sets, never from
// accounts, messages or other input; `boundedLabel` keeps the exceptions (operators) in check.
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

/** A function that lets at most `most` different label values through; all later ones become `other`. */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return 'other';
    known.add(value);
    return value;
  };
}

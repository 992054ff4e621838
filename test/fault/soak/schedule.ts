// Which fault happens when: drawn from a seed alone, so that a seed that fails can be run again.

import { random } from '../../../deploy/local/traffic/random.js';

/** What can go wrong, and how often relative to the others. */
export const FAULTS = [
  { fault: 'kill an ingest process', weight: 5 },
  { fault: 'stop an ingest process past ack_wait', weight: 2 },
  { fault: 'cut every database connection', weight: 5 },
  { fault: 'terminate every database session', weight: 2 },
  { fault: 'kill Postgres', weight: 2 },
  { fault: 'restart Postgres', weight: 1 },
  { fault: 'kill NATS', weight: 2 },
  { fault: 'restart NATS', weight: 1 },
  { fault: 'one ingest process more', weight: 2 },
  { fault: 'one ingest process less', weight: 1 },
  { fault: 'storm of old events', weight: 3 },
  { fault: 'seek to the beginning', weight: 2 },
] as const;
export type Fault = (typeof FAULTS)[number]['fault'];

export interface Step {
  /** Since the beginning of the load. */
  readonly atMs: number;
  readonly fault: Fault;
  /** For whatever else the fault has to choose. */
  readonly draw: number;
}

const GAP_MIN_MS = 500;
const GAP_MAX_MS = 3_000;

/**
 * Every fault once, in an order of the seed, and then whatever comes, until the time is over. No seek in the second half:
 * it heals what was lost before, and would hide that anything was.
 */
export function scheduleOf(seed: number, durationMs: number): Step[] {
  const draw = random(seed, 0x50a4);
  const waiting: (typeof FAULTS)[number][] = [...FAULTS];
  const steps: Step[] = [];
  for (let atMs = 2_000; ; atMs += draw.between(GAP_MIN_MS, GAP_MAX_MS)) {
    if (atMs >= durationMs) return steps;
    const first = waiting.splice(draw.between(0, Math.max(0, waiting.length - 1)), 1)[0];
    const drawn = (first ?? draw.weighted(FAULTS)).fault;
    const healing = drawn === 'seek to the beginning' && atMs > durationMs / 2;
    const fault = healing ? 'kill Postgres' : drawn;
    steps.push({ atMs, fault, draw: draw.bits() });
  }
}

// Which fault happens when: drawn from a seed alone, so that a seed that fails can be run again.

import { type Random, random } from '../../../deploy/local/traffic/random.js';

interface Kind {
  readonly fault: string;
  /** How often relative to the others. */
  readonly weight: number;
}

/** What heals without a hand. */
const LIGHT = [
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
] as const satisfies readonly Kind[];

/** After which the guard names a command of ops, and somebody runs it. */
const STORES = [
  { fault: 'roll the store of NATS back', weight: 1 },
  { fault: 'delete and recreate the stream', weight: 1 },
  { fault: 'restore an older Postgres', weight: 1 },
] as const satisfies readonly Kind[];

/** Goes on beside the light ones that come after it. */
const REBUILD = { fault: 'rebuild and swap', weight: 1 } as const satisfies Kind;

/** All that can go wrong, or be done, under load. */
export const FAULTS = [...LIGHT, ...STORES, REBUILD] as const;
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
 * What the faults of STORES take: a rebuild that ends, a copy, some load, the guard, the command.
 */
const STORE_MS = 25_000;
/**
 * A shorter run has a rebuild and none of STORES, which have tests of their own; a longer one has
 * all of them.
 */
const LONG_RUN_MS = 120_000;

/**
 * Every light fault once, a rebuild beside the first of them, lost stores among the others, in an
 * order of the seed; and then whatever comes, until the time is over. No seek in the second half:
 * it heals what was lost before, and would hide that anything was. (Before what heals on the way to
 * something else, the rollups are verified.)
 */
export function scheduleOf(seed: number, durationMs: number): Step[] {
  const draw = random(seed, 0x50a4);
  const long = durationMs >= LONG_RUN_MS;
  const waiting = firstRound(draw, long);
  const steps: Step[] = [];
  for (let atMs = 2_000; ; atMs += draw.between(GAP_MIN_MS, GAP_MAX_MS)) {
    if (atMs >= durationMs) return steps;
    const drawn = waiting.shift() ?? draw.weighted(long ? FAULTS : LIGHT).fault;
    const late =
      (drawn === 'seek to the beginning' && atMs > durationMs / 2) ||
      (!isLight(drawn) && atMs > durationMs - STORE_MS);
    const fault: Fault = late ? 'kill Postgres' : drawn;
    steps.push({ atMs, fault, draw: draw.bits() });
    if (STORES.some((one) => one.fault === fault)) atMs += STORE_MS;
  }
}

function firstRound(draw: Random, long: boolean): Fault[] {
  const round = shuffled(LIGHT, draw);
  const stores = long ? shuffled(STORES, draw) : [];
  for (const fault of stores) round.splice(draw.between(LIGHT.length / 2, LIGHT.length), 0, fault);
  round.splice(draw.between(0, 2), 0, REBUILD.fault);
  return round;
}

function shuffled(kinds: readonly { readonly fault: Fault }[], draw: Random): Fault[] {
  return kinds
    .map(({ fault }) => ({ fault, place: draw.unit() }))
    .sort((one, other) => one.place - other.place)
    .map(({ fault }) => fault);
}

function isLight(fault: Fault): boolean {
  return LIGHT.some((one) => one.fault === fault);
}

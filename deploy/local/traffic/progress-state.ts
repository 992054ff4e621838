// What the demo traffic remembers between starts, so that the next one continues: the plan, and the
// instant before which everything has been acknowledged by the broker. Written atomically.

import { open, readFile, rename } from 'node:fs/promises';
import * as v from 'valibot';
import type { EpochMicros } from './event.js';
import { LATE_SPAN_MICROS } from './message.js';
import { floorSecond, type Pace, type Plan } from './schedule.js';

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;
/** Events per second while history is made up: some 50,000 a day. */
const BACKFILL_EVENTS_PER_SECOND = 0.58;
/** A pause longer than this is filled in at the backfill's pace, not at the live one. */
const LONG_PAUSE_MICROS = 60 * SECOND;

const stateSchema = v.object({
  seed: v.number(),
  paces: v.array(v.object({ from: v.number(), eventsPerSecond: v.number(), rhythm: v.boolean() })),
  publishedThrough: v.number(),
});

/** The plan and how far it has been carried out. */
export interface TrafficState extends Plan {
  /** Every publication due before this instant has been acknowledged. */
  readonly publishedThrough: EpochMicros;
}

/** What the command line asks for. */
export interface Wanted {
  readonly seed: number;
  readonly eventsPerSecond: number;
  readonly backfillDays: number;
}

/**
 * The state in this file; undefined where there is none yet. Throws on a file that is not a state.
 */
export async function readState(file: string): Promise<TrafficState | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : v.parse(stateSchema, JSON.parse(text));
}

/** Replaces the file; a crash leaves either the old state or the new one. */
export async function writeState(file: string, state: TrafficState): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(`${JSON.stringify(state)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}

/**
 * The state to go on from at `now`: history first where nothing was published yet, else from where
 * the last run stopped. Another seed begins anew at `now`, with other ids.
 */
export function resume(
  known: TrafficState | undefined,
  wanted: Wanted,
  now: EpochMicros,
): TrafficState {
  const { seed, eventsPerSecond } = wanted;
  const live: Pace = { from: floorSecond(now) + SECOND, eventsPerSecond, rhythm: false };
  if (known !== undefined && known.seed !== seed) {
    return { seed, paces: [live], publishedThrough: live.from };
  }
  if (known === undefined) {
    const from = floorSecond(now - Math.round(wanted.backfillDays * DAY));
    return { seed, paces: [...(from < now ? [history(from)] : []), live], publishedThrough: from };
  }
  const from = floorSecond(known.publishedThrough) + SECOND;
  const kept = known.paces.filter(
    (pace, index) =>
      pace.from < from &&
      (known.paces[index + 1]?.from ?? from) > known.publishedThrough - LATE_SPAN_MICROS,
  );
  const added = now - from > LONG_PAUSE_MICROS ? [history(from), live] : [{ ...live, from }];
  return { seed, paces: [...kept, ...added], publishedThrough: known.publishedThrough };
}

function history(from: EpochMicros): Pace {
  return { from, eventsPerSecond: BACKFILL_EVENTS_PER_SECOND, rhythm: true };
}

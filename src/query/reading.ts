/**
 * How a question of the platform is answered: from what was read already where that is all it needs,
 * else in a snapshot of its own, which reads what is missing. Invariant: an answer is made of what was
 * true under one look, the look that its `meta` tells; what is remembered is used only where that look
 * says that nothing has changed since it was read.
 */
import { type EpochMicros, MICROS_PER_DAY, MICROS_PER_HOUR } from '../domain/instant.js';
import type { CellRange } from '../store/postgres/cells.js';
import { type Look, selectLook } from '../store/postgres/look.js';
import type { Snapshot } from '../store/postgres/pool.js';
import { type Slot, type SlotKind, slotOf, slotsOf } from '../store/postgres/slot-memory.js';
import type { QueryContext } from './context.js';
import { noteLook } from './look-watch.js';
import { type Freshness, freshnessOf } from './periods.js';
import { limitsOf, type Sources } from './sources.js';
import { whileWaiting } from './waiting.js';

/** What is read of slots, by series and slot; slots without anything are missing. */
export interface ReadKind<T> extends SlotKind<T> {
  read(
    snapshot: Snapshot,
    range: CellRange,
    series: readonly string[],
    slots: readonly number[] | undefined,
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, T>>>;
  /** Of a slot that has nothing. */
  none(): T;
}

/** What an answer is made of. */
export interface Reading {
  readonly fresh: Freshness;
  /** Every slot of `range`, of each of `series`. Several small calls at once cost one round trip. */
  get<T>(kind: ReadKind<T>, range: CellRange, series: readonly string[]): Promise<Map<string, T[]>>;
}

/** Thrown where something is missing and there is no snapshot to read it in; no Error, as it needs no stack trace. */
class NotRemembered {
  /** `key` names the first thing that is missing, and the day that it is of. */
  constructor(readonly key: string) {}
}

/** What `answer` makes of a reading; it may be called several times. Rejects as `platformPool.read` does. */
export async function answerFrom<T>(
  sources: Sources,
  context: QueryContext,
  answer: (reading: Reading) => Promise<T>,
): Promise<T> {
  const { clock, loads } = sources;
  const waitedFor = new Set<string>();
  for (;;) {
    const look = sources.recentLook() ?? (await whileWaiting(sources.look(), context, clock));
    if (look === undefined) return answerInSnapshot(sources, context, answer);
    try {
      return await answer(readingOf(sources, look, undefined));
    } catch (error) {
      if (!(error instanceof NotRemembered)) throw error;
      const { key } = error;
      const load = loads.get(key);
      if (load === undefined || waitedFor.has(key)) {
        const own = answerInSnapshot(sources, context, answer);
        if (load === undefined) announce(loads, key, own);
        return await own;
      }
      // Somebody reads it already: what it will have read is likely to be all that is missing here.
      waitedFor.add(key);
      await whileWaiting(load, context, clock);
    }
  }
}

/** Lets others wait for the end of `own`, however it ends. */
function announce(loads: Map<string, Promise<void>>, key: string, own: Promise<unknown>): void {
  const ended = () => void loads.delete(key);
  loads.set(key, own.then(ended, ended));
}

function answerInSnapshot<T>(
  sources: Sources,
  context: QueryContext,
  answer: (reading: Reading) => Promise<T>,
): Promise<T> {
  return sources.platformPool.read(limitsOf(sources, context), async (snapshot) => {
    const startedMs = sources.clock.monotonicMs();
    const own = await selectLook(snapshot);
    noteLook(sources, own, startedMs);
    return answer(readingOf(sources, own, snapshot));
  });
}

function readingOf(
  { memory, settleHours }: Sources,
  look: Look,
  snapshot: Snapshot | undefined,
): Reading {
  return {
    fresh: freshnessOf(look, settleHours),
    async get<T>(kind: ReadKind<T>, range: CellRange, series: readonly string[]) {
      const slots = slotsOf(range);
      const found = new Map(series.map((one) => [one, memory.recall(kind, one, slots, look)]));
      const lacking = series.filter((one) => found.get(one)?.includes(undefined));
      if (lacking.length === 0) return found as Map<string, T[]>;
      const missing = slots.filter((_, i) => lacking.some((one) => !found.get(one)?.[i]));
      if (snapshot === undefined) {
        const day = Math.floor((missing[0] as Slot).from / MICROS_PER_DAY);
        throw new NotRemembered(`${kind.name} ${lacking[0]} ${day}`);
      }
      const ahead = readAhead(range, missing, (slots) => {
        const known = lacking.map((one) => memory.recall(kind, one, slots, look));
        return slots.filter((_, i) => known.some((values) => values[i] === undefined));
      });
      const asked = new Map(slots.map((slot, i) => [slot.from, i]));
      const atOnce = Math.max(1, Math.floor(VALUES_AT_ONCE / ahead.slots.length));
      for (let first = 0; first < lacking.length; first += atOnce) {
        const some = lacking.slice(first, first + atOnce);
        const read = await kind.read(snapshot, ahead.range, some, ahead.indexes);
        for (const one of some) {
          const own = found.get(one) as (T | undefined)[];
          ahead.slots.forEach((slot, i) => {
            const value = read.get(one)?.get(ahead.indexes[i] as number) ?? kind.none();
            memory.keep(kind, one, slot, look, value);
            const index = asked.get(slot.from);
            if (index !== undefined && slots[index]?.to === slot.to) own[index] = value;
          });
        }
      }
      return found as Map<string, T[]>;
    },
  };
}

/** Slots times series that one statement reads: what it reads stands in memory as text, until it is packed. */
const VALUES_AT_ONCE = 500;

/** What is read at once of slots that are an hour, a quarter of one or a day long: from a multiple of so many days on. */
const AHEAD_DAYS: ReadonlyMap<number, number> = new Map([
  [MICROS_PER_HOUR / 4, 2],
  [MICROS_PER_HOUR, 8],
  [MICROS_PER_DAY, 8],
]);

/**
 * What is read where `missing` slots of `range` are: beside each of a common length its like of the days
 * around it, as far as `unknown` says. A statement costs as much as hundreds of rows, and whoever
 * asks for one hour is soon asked for the next.
 */
function readAhead(
  range: CellRange,
  missing: readonly Slot[],
  unknown: (slots: readonly Slot[]) => readonly Slot[],
): { range: CellRange; slots: Slot[]; indexes: number[] } {
  const [start, end] = [range.edges[0] as EpochMicros, range.edges.at(-1) as EpochMicros];
  const like = new Map<EpochMicros, EpochMicros>();
  for (const { from, to } of missing) {
    const size = to - from;
    const days = AHEAD_DAYS.get(size);
    if (days === undefined || like.has(from)) continue;
    const span = days * MICROS_PER_DAY;
    const first = Math.floor(from / span) * span + (from % size);
    for (let at = first; at < first + span; at += size) like.set(at, at + size);
  }
  // What lies in the range itself is missing, or known.
  const outside = [...like].filter(([from, to]) => to <= start || from >= end);
  const around = unknown(outside.map(([from, to]) => slotOf(range, from, to)));
  const ends = new Map([...missing, ...around].map(({ from, to }) => [from, to]));
  const edges = [...new Set([...ends.keys(), ...ends.values()])].sort((a, b) => a - b);
  const ahead = { ...range, edges };
  const all = slotsOf(ahead);
  const indexes = [...all.keys()].filter((i) => ends.get(all[i]?.from as number) === all[i]?.to);
  return { range: ahead, slots: indexes.map((i) => all[i] as Slot), indexes };
}

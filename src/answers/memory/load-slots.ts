// What is read where something is not remembered. A statement costs as much as hundreds of rows,
// and whoever asks for one hour is soon asked for the next: so an hour is read with all hours of
// eight days, and a day of which all hours are known is made of them.
import { type EpochMicros, MICROS_PER_DAY, MICROS_PER_HOUR } from '../../domain/time/instant.js';
import type { Snapshot } from '../../postgres/pool.js';
import type { CellRange } from '../../rollups/cells.js';
import { type Slot, slotsOf } from '../../rollups/slots.js';
import type { Look } from '../freshness/look.js';
import type { SlotKind, SlotMemory } from './slot-memory.js';

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

/**
 * Every slot of `range`, of each of `series`: what is missing is read, with its like of the days
 * around, and remembered.
 */
export async function loadSlots<T>(
  memory: SlotMemory,
  look: Look,
  snapshot: Snapshot,
  kind: ReadKind<T>,
  range: CellRange,
  series: readonly string[],
): Promise<Map<string, T[]>> {
  const slots = slotsOf(range);
  const found = new Map(series.map((one) => [one, slots.map((): T | undefined => undefined)]));
  for (;;) {
    for (const [one, values] of found) {
      memory.recall(kind, one, range, look).forEach((value, i) => {
        values[i] ??= value;
      });
    }
    const lacks = (one: string, i: number) => found.get(one)?.[i] === undefined;
    const missing = firstPart(slots.filter((_, i) => series.some((one) => lacks(one, i))));
    if (missing.length === 0) return found as Map<string, T[]>;
    const wanted = new Set(missing);
    const lacking = series.filter((one) =>
      slots.some((slot, i) => wanted.has(slot) && lacks(one, i)),
    );
    const ahead = readAhead(range, missing, memory.keeps, (all) => {
      const known = lacking.map((one) => memory.recall(kind, one, all, look));
      return (i) => known.some((values) => values[i] === undefined);
    });
    const asked = new Map(slots.map((slot, i) => [slot.from, i]));
    const seriesAtOnce = Math.max(1, Math.floor(VALUES_AT_ONCE / ahead.slots.length));
    for (let first = 0; first < lacking.length; first += seriesAtOnce) {
      const some = lacking.slice(first, first + seriesAtOnce);
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
  }
}

/**
 * Slots times series that one statement reads, unless one series has more: what it reads stands in
 * memory as text, until it is packed.
 */
const VALUES_AT_ONCE = 500;

/**
 * What is read at once of slots that are an hour or a day long: from a multiple of so many days on.
 * Quarters of an hour are read as they are asked for: most stand at the ends of a range or at the
 * settled boundary, and there are many in a day.
 */
const AHEAD_DAYS: ReadonlyMap<number, number> = new Map([
  [MICROS_PER_HOUR, 8],
  [MICROS_PER_DAY, 8],
]);

/**
 * What is read together: slots of any other length, or of one of these lengths and beginning at one
 * time of it.
 */
const partOf = ({ from, to }: Slot) =>
  AHEAD_DAYS.has(to - from) ? `${to - from} ${from % (to - from)}` : '';

/** The part of the shortest slot: a day is known once its hours are. */
function firstPart(slots: readonly Slot[]): Slot[] {
  const [shortest] = [...slots].sort((a, b) => a.to - a.from - (b.to - b.from));
  return slots.filter((slot) => partOf(slot) === partOf(shortest as Slot));
}

/** From when on is read what is read at once with a slot. */
export function startOfLoad(from: EpochMicros, to: EpochMicros): EpochMicros {
  const span = (AHEAD_DAYS.get(to - from) ?? 1) * MICROS_PER_DAY;
  return Math.floor(from / span) * span;
}

/**
 * What is read where `missing` slots, one part, are: beside each its like of the days around it,
 * where `unknownIn` says so.
 */
function readAhead(
  range: CellRange,
  missing: readonly Slot[],
  keeps: boolean,
  unknownIn: (range: CellRange) => (index: number) => boolean,
): { range: CellRange; slots: Slot[]; indexes: number[] } {
  const ends = new Map(missing.map(({ from, to }) => [from, to]));
  const begun = new Set<EpochMicros>();
  for (const { from, to } of missing) {
    const size = to - from;
    const days = keeps ? (AHEAD_DAYS.get(size) ?? 0) : 0;
    const first = startOfLoad(from, to) + (from % size);
    if (days === 0 || begun.has(first)) continue;
    begun.add(first);
    const end = first + days * MICROS_PER_DAY;
    for (let at = first; at < end; at += size) ends.set(at, at + size);
  }
  const edges = [...new Set([...ends.keys(), ...ends.values()])].sort((a, b) => a - b);
  const ahead = { ...range, edges };
  const all = slotsOf(ahead);
  const isUnknown = unknownIn(ahead);
  const indexes = [...all.keys()].filter((i) => {
    const { from, to } = all[i] as Slot;
    return ends.get(from) === to && isUnknown(i);
  });
  return { range: ahead, slots: indexes.map((i) => all[i] as Slot), indexes };
}

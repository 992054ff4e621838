/**
 * What was read already of the platform's rollups, slot by slot. A slot is found again only under the
 * version of its days and the settled part of it that it was read under, both looked at in the answer's
 * own snapshot (look.ts). Invariants: what is found is what a statement would read; memory is bounded;
 * everything in it belongs to one generation of one database. Nothing of a single account is kept here.
 */
import {
  type EpochMicros,
  MICROS_PER_DAY,
  MICROS_PER_HOUR,
  MICROS_PER_MINUTE,
} from '../../domain/instant.js';
import type { CellRange } from './cells.js';
import type { Look } from './look.js';

/** A piece of time, and how much of it has settled. */
export interface Slot {
  readonly from: EpochMicros;
  readonly to: EpochMicros;
  /** The settled boundary, not before `from` and not after `to`. */
  readonly settledTo: EpochMicros;
}

/** The slots of a range, one between each two of its edges. */
export function slotsOf(range: CellRange): Slot[] {
  const { edges } = range;
  return edges.slice(1).map((to, i) => slotOf(range, edges[i] as EpochMicros, to));
}

export function slotOf(
  { settledThrough }: Pick<CellRange, 'settledThrough'>,
  from: EpochMicros,
  to: EpochMicros,
): Slot {
  return { from, to, settledTo: Math.min(Math.max(from, settledThrough), to) };
}

/** Whether a slot is 24 whole hours. */
function isDay({ from, to }: Slot): boolean {
  return to - from === MICROS_PER_DAY && from % MICROS_PER_HOUR === 0;
}

function hoursOf({ from, settledTo }: Slot): Slot[] {
  return Array.from({ length: 24 }, (_, hour) => {
    const start = from + hour * MICROS_PER_HOUR;
    return slotOf({ settledThrough: settledTo }, start, start + MICROS_PER_HOUR);
  });
}

/** Something that is read of slots. */
export interface SlotKind<T> {
  readonly name: string;
  /** About what one costs in memory, in bytes. */
  bytesOf(value: T): number;
  /** What several slots, one after the other, are as one; undefined where they cannot be added up. */
  sum?(values: readonly T[]): T | undefined;
}

interface Entry {
  readonly version: number;
  readonly settledTo: EpochMicros;
  readonly value: unknown;
  readonly bytes: number;
  /** Where it stands. */
  readonly series: Map<number, Entry>;
  readonly key: number;
  /** The entries that were used just before and just after it: a ring through `#ring`. */
  older: Entry;
  newer: Entry;
}

/** What an entry costs beside its value: an object, and its place in the map. */
const ENTRY_BYTES = 150;

/** Above the longest slot, in minutes: a range has at most 400 days. */
const SPAN = 2 ** 20;

/** One number for both ends: minutes since 1970 stay below 2 ** 27 until the year 2225. */
const keyOf = ({ from, to }: Slot) =>
  (from / MICROS_PER_MINUTE) * SPAN + (to - from) / MICROS_PER_MINUTE;

export class SlotMemory {
  #series = new Map<string, Map<number, Entry>>();
  #bytes = 0;
  #owner = '';
  /** Its `newer` is the entry that was used longest ago, its `older` the one that was used last. */
  #ring = emptyRing();

  /** Remembers at most about `maxBytes`; 0 remembers nothing. What was not used for longest goes first. */
  constructor(private readonly maxBytes: number) {}

  /** About what is remembered, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Forgets what was read of another generation or another database. */
  enter(look: Look): void {
    if (look.owner === this.#owner) return;
    this.#series = new Map();
    this.#bytes = 0;
    this.#ring = emptyRing();
    this.#owner = look.owner;
  }

  /**
   * What is known of these slots under `look`, undefined where nothing is. `series`: a name within the kind. A day whose
   * hours are all known is made of them, and kept.
   */
  recall<T>(
    kind: SlotKind<T>,
    series: string,
    slots: readonly Slot[],
    look: Look,
  ): (T | undefined)[] {
    const own = this.#series.get(`${kind.name} ${series}`);
    if (own === undefined || look.owner !== this.#owner) return slots.map(() => undefined);
    return slots.map((slot) => {
      const known = this.#find<T>(own, slot, look);
      if (known !== undefined || !isDay(slot)) return known;
      const hours = this.#findAll<T>(own, hoursOf(slot), look);
      const day = hours && kind.sum?.(hours);
      if (day !== undefined) this.keep(kind, series, slot, look, day);
      return day;
    });
  }

  #find<T>(own: Map<number, Entry>, slot: Slot, look: Look): T | undefined {
    const entry = own.get(keyOf(slot));
    if (entry === undefined || entry.settledTo !== slot.settledTo) return undefined;
    if (entry.version !== look.days.of(slot.from, slot.to)) return undefined;
    unlink(entry);
    this.#linkLast(entry);
    return entry.value as T;
  }

  #findAll<T>(own: Map<number, Entry>, slots: readonly Slot[], look: Look): T[] | undefined {
    const found: T[] = [];
    for (const slot of slots) {
      const value = this.#find<T>(own, slot, look);
      if (value === undefined) return undefined;
      found.push(value);
    }
    return found;
  }

  /** Keeps what was read in the snapshot of `look`. Not to be changed afterwards: answers share it. */
  keep<T>(kind: SlotKind<T>, series: string, slot: Slot, look: Look, value: T): void {
    if (this.maxBytes === 0 || look.owner !== this.#owner) return;
    const name = `${kind.name} ${series}`;
    let own = this.#series.get(name);
    if (own === undefined) {
      own = new Map();
      this.#series.set(name, own);
    }
    const key = keyOf(slot);
    const before = own.get(key);
    if (before !== undefined) this.#forget(before);
    const entry: Entry = {
      version: look.days.of(slot.from, slot.to),
      settledTo: slot.settledTo,
      value,
      bytes: ENTRY_BYTES + kind.bytesOf(value),
      series: own,
      key,
      older: this.#ring,
      newer: this.#ring,
    };
    own.set(key, entry);
    this.#linkLast(entry);
    this.#bytes += entry.bytes;
    while (this.#bytes > this.maxBytes) this.#forget(this.#ring.newer);
  }

  #linkLast(entry: Entry): void {
    const last = this.#ring.older;
    entry.older = last;
    entry.newer = this.#ring;
    last.newer = entry;
    this.#ring.older = entry;
  }

  #forget(entry: Entry): void {
    unlink(entry);
    entry.series.delete(entry.key);
    this.#bytes -= entry.bytes;
  }
}

function unlink({ older, newer }: Entry): void {
  older.newer = newer;
  newer.older = older;
}

/** A ring of nothing but its own link. */
function emptyRing(): Entry {
  const ring = { version: 0, settledTo: 0, value: undefined, bytes: 0, series: new Map(), key: 0 };
  const link = ring as unknown as Entry;
  link.older = link;
  link.newer = link;
  return link;
}

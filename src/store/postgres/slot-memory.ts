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

/** What slots are cut from. */
export type SlotRange = Pick<CellRange, 'edges' | 'settledThrough'>;

/** The slots of a range, one between each two of its edges. */
export function slotsOf(range: SlotRange): Slot[] {
  const { edges } = range;
  return edges.slice(1).map((to, i) => slotOf(range, edges[i] as EpochMicros, to));
}

export function slotOf(
  { settledThrough }: Pick<SlotRange, 'settledThrough'>,
  from: EpochMicros,
  to: EpochMicros,
): Slot {
  return { from, to, settledTo: settledTo(from, to, settledThrough) };
}

function settledTo(from: EpochMicros, to: EpochMicros, settledThrough: EpochMicros): EpochMicros {
  return Math.min(Math.max(from, settledThrough), to);
}

/** Whether a slot is 24 whole hours. */
function isDay(from: EpochMicros, to: EpochMicros): boolean {
  return to - from === MICROS_PER_DAY && from % MICROS_PER_HOUR === 0;
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
  readonly slots: Map<number, Entry>;
  readonly key: number;
  /** Whether it was found since it was last passed over. */
  used: boolean;
  /** The entries that were kept just before and just after it: a ring through `#ring`. */
  older: Entry;
  newer: Entry;
}

/** One series: by size in minutes, then by start in minutes since 1970. */
type Series = Map<number, Map<number, Entry>>;

/** What an entry costs beside its value: an object, and its place in the map. */
const ENTRY_BYTES = 150;

export class SlotMemory {
  #series = new Map<string, Series>();
  #bytes = 0;
  #owner = '';
  /** Its `newer` is the entry that goes next, its `older` the one that goes last. */
  #ring = emptyRing();

  /** Remembers at most about `maxBytes`; 0 remembers nothing. What was kept first goes first, unless it was found since. */
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
   * What is known of the slots of `range` under `look`, undefined where nothing is. `series`: a name within the kind. A
   * day whose hours are all known is made of them, and kept.
   */
  recall<T>(kind: SlotKind<T>, series: string, range: SlotRange, look: Look): (T | undefined)[] {
    const { edges, settledThrough } = range;
    const own = look.owner === this.#owner ? this.#series.get(`${kind.name} ${series}`) : undefined;
    const found: (T | undefined)[] = [];
    for (let i = 1; i < edges.length; i++) {
      const from = edges[i - 1] as EpochMicros;
      const to = edges[i] as EpochMicros;
      let value = own && this.#find<T>(own, from, to, settledThrough, look);
      if (own !== undefined && value === undefined && isDay(from, to)) {
        const hours = this.#hoursOf<T>(own, from, settledThrough, look);
        value = hours && kind.sum?.(hours);
        if (value !== undefined) this.keep(kind, series, slotOf(range, from, to), look, value);
      }
      found.push(value);
    }
    return found;
  }

  #find<T>(
    own: Series,
    from: EpochMicros,
    to: EpochMicros,
    settledThrough: EpochMicros,
    look: Look,
  ): T | undefined {
    const entry = own.get((to - from) / MICROS_PER_MINUTE)?.get(from / MICROS_PER_MINUTE);
    if (entry === undefined || entry.settledTo !== settledTo(from, to, settledThrough)) {
      return undefined;
    }
    if (entry.version !== look.days.of(from, to)) return undefined;
    entry.used = true;
    return entry.value as T;
  }

  /** Of the 24 hours from `from` on; undefined where one is missing. */
  #hoursOf<T>(
    own: Series,
    from: EpochMicros,
    settledThrough: EpochMicros,
    look: Look,
  ): T[] | undefined {
    const found: T[] = [];
    for (let at = from; at < from + MICROS_PER_DAY; at += MICROS_PER_HOUR) {
      const value = this.#find<T>(own, at, at + MICROS_PER_HOUR, settledThrough, look);
      if (value === undefined) return undefined;
      found.push(value);
    }
    return found;
  }

  /** Keeps what was read in the snapshot of `look`. Not to be changed afterwards: answers share it. */
  keep<T>(kind: SlotKind<T>, series: string, slot: Slot, look: Look, value: T): void {
    if (this.maxBytes === 0 || look.owner !== this.#owner) return;
    const { from, to, settledTo } = slot;
    const own = valueAt(this.#series, `${kind.name} ${series}`, () => new Map());
    const slots = valueAt(own, (to - from) / MICROS_PER_MINUTE, () => new Map());
    const key = from / MICROS_PER_MINUTE;
    const before = slots.get(key);
    if (before !== undefined) this.#forget(before);
    const entry: Entry = {
      version: look.days.of(from, to),
      settledTo,
      value,
      bytes: ENTRY_BYTES + kind.bytesOf(value),
      slots,
      key,
      used: false,
      older: this.#ring,
      newer: this.#ring,
    };
    slots.set(key, entry);
    this.#linkLast(entry);
    this.#bytes += entry.bytes;
    while (this.#bytes > this.maxBytes) this.#forgetOne();
  }

  #linkLast(entry: Entry): void {
    const last = this.#ring.older;
    entry.older = last;
    entry.newer = this.#ring;
    last.newer = entry;
    this.#ring.older = entry;
  }

  /** Second chance: what was found since it was last looked at here goes to the end instead. */
  #forgetOne(): void {
    let entry = this.#ring.newer;
    for (; entry.used; entry = this.#ring.newer) {
      entry.used = false;
      unlink(entry);
      this.#linkLast(entry);
    }
    this.#forget(entry);
  }

  #forget(entry: Entry): void {
    unlink(entry);
    entry.slots.delete(entry.key);
    this.#bytes -= entry.bytes;
  }
}

function unlink({ older, newer }: Entry): void {
  older.newer = newer;
  newer.older = older;
}

/** A ring of nothing but its own link. */
function emptyRing(): Entry {
  const ring = {
    version: 0,
    settledTo: 0,
    value: undefined,
    bytes: 0,
    slots: new Map(),
    key: 0,
    used: false,
  };
  const link = ring as unknown as Entry;
  link.older = link;
  link.newer = link;
  return link;
}

/** The value of a key, made where there is none. */
function valueAt<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

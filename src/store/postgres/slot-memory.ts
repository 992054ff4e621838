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
import type { Look } from './look.js';
import { isDay, type Slot, type SlotRange, settledPart, slotOf } from './slots.js';

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
  /** Where it stands, by its start in minutes since 1970. */
  readonly among: Sized;
  readonly key: number;
  /** Whether it was found since it was last passed over. */
  used: boolean;
  /** The entries that were kept just before and just after it: a ring through `#ring`. */
  older: Entry;
  newer: Entry;
}

/** One series: slots by size in minutes. */
interface Series {
  readonly name: string;
  readonly bySize: Map<number, Sized>;
}

/** The slots of one size, by start in minutes since 1970. */
interface Sized {
  readonly series: Series;
  readonly size: number;
  readonly slots: Map<number, Entry>;
}

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

  /** How many series have anything that is remembered. */
  get series(): number {
    return this.#series.size;
  }

  /** Whether anything is kept at all. */
  get keeps(): boolean {
    return this.maxBytes > 0;
  }

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
    const entry = own.bySize
      .get((to - from) / MICROS_PER_MINUTE)
      ?.slots.get(from / MICROS_PER_MINUTE);
    if (entry === undefined || entry.settledTo !== settledPart(from, to, settledThrough)) {
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
    const bytes = ENTRY_BYTES + kind.bytesOf(value);
    if (bytes > this.maxBytes || look.owner !== this.#owner) return;
    const { from, to, settledTo } = slot;
    const name = `${kind.name} ${series}`;
    const key = from / MICROS_PER_MINUTE;
    const size = (to - from) / MICROS_PER_MINUTE;
    const before = this.#series.get(name)?.bySize.get(size)?.slots.get(key);
    if (before !== undefined) this.#forget(before);
    // Before it has its place: otherwise it could be the one that goes.
    while (this.#bytes + bytes > this.maxBytes) this.#forgetOne();
    const own = valueAt(this.#series, name, () => ({ name, bySize: new Map() }));
    const among = valueAt(own.bySize, size, () => ({ series: own, size, slots: new Map() }));
    const entry: Entry = {
      version: look.days.of(from, to),
      settledTo,
      value,
      bytes,
      among,
      key,
      used: false,
      older: this.#ring,
      newer: this.#ring,
    };
    among.slots.set(key, entry);
    this.#linkLast(entry);
    this.#bytes += bytes;
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
    this.#bytes -= entry.bytes;
    const { series, size, slots } = entry.among;
    slots.delete(entry.key);
    // Names come from callers: without a slot, nothing is left of one.
    if (slots.size === 0) series.bySize.delete(size);
    if (series.bySize.size === 0) this.#series.delete(series.name);
  }
}

function unlink({ older, newer }: Entry): void {
  older.newer = newer;
  newer.older = older;
}

/** A ring of nothing but its own link. */
function emptyRing(): Entry {
  const link = { used: false } as Entry;
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

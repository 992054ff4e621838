// What was read already of the platform's rollups, slot by slot. A slot is found again only under
// the version of its days and the settled part of it that it was read under, both looked at in the
// answer's own snapshot (look.ts). Invariants: what is found is what a statement would read; memory
// is bounded; everything in it belongs to one generation of one database. Nothing of a single
// account is kept here.
import {
  type EpochMicros,
  MICROS_PER_DAY,
  MICROS_PER_HOUR,
  MICROS_PER_MINUTE,
} from '../../domain/time/instant.js';
import { isDay, type Slot, type SlotRange, settledPart, slotOf } from '../../rollups/slots.js';
import type { Look } from '../freshness/look.js';

/** Something that is read of slots. */
export interface SlotKind<T> {
  readonly name: string;
  /** About what one costs in memory, in bytes; always the same for one value. */
  bytesOf(value: T): number;
  /**
   * What several slots, one after the other, are as one; undefined where they cannot be added up.
   */
  sum?(values: readonly T[]): T | undefined;
}

/**
 * One series: blocks by size of their slots in minutes. Its name comes from callers and may be as
 * long as a question.
 */
interface Series {
  readonly name: string;
  readonly bySize: Map<number, Sized>;
}

/** The blocks of slots of one size, by start in minutes since 1970. */
interface Sized {
  readonly series: Series;
  readonly size: number;
  readonly blocks: Map<number, Block>;
}

/**
 * Slots that lie one after the other: an object for each would cost as much as what is remembered
 * of it.
 */
interface Block {
  readonly among: Sized;
  readonly start: number;
  /** By place in the block; undefined where nothing is known. */
  readonly values: unknown[];
  /** What each was read under. */
  readonly versions: number[];
  readonly settledTo: EpochMicros[];
  bytes: number;
  /** Whether anything of it was found since it was last passed over. */
  used: boolean;
  /** The blocks that were begun just before and just after it: a ring through `#ring`. */
  older: Block;
  newer: Block;
}

/** Slots of a block: the hours of a day. */
const SLOTS = 24;
/** What a block costs beside its values: an object, its place in the map, and three lists. */
const BLOCK_BYTES = 150 + 3 * (50 + 8 * SLOTS);

export class SlotMemory {
  #series = new Map<string, Series>();
  #bytes = 0;
  #owner = '';
  /** Its `newer` is the block that goes next, its `older` the one that goes last. */
  #ring = emptyRing();

  /**
   * Remembers at most about `maxBytes`; 0 remembers nothing. What was begun first goes first,
   * unless it was found since.
   */
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
   * What is known of the slots of `range` under `look`, undefined where nothing is. `series`: a
   * name within the kind. A day whose hours are all known is made of them, and kept.
   */
  recall<T>(kind: SlotKind<T>, series: string, range: SlotRange, look: Look): (T | undefined)[] {
    const { edges, settledThrough } = range;
    const own = look.owner === this.#owner ? this.#series.get(`${kind.name} ${series}`) : undefined;
    const found: (T | undefined)[] = [];
    for (let i = 1; i < edges.length; i++) {
      const from = edges[i - 1] as EpochMicros;
      const to = edges[i] as EpochMicros;
      let value = own && find<T>(own, from, to, settledThrough, look);
      if (own !== undefined && value === undefined && isDay(from, to)) {
        const hours = hoursOf<T>(own, from, settledThrough, look);
        value = hours && kind.sum?.(hours);
        if (value !== undefined) this.keep(kind, series, slotOf(range, from, to), look, value);
      }
      found.push(value);
    }
    return found;
  }

  /**
   * Keeps what was read in the snapshot of `look`. Not to be changed afterwards: answers share it.
   */
  keep<T>(kind: SlotKind<T>, series: string, slot: Slot, look: Look, value: T): void {
    const bytes = kind.bytesOf(value);
    const name = `${kind.name} ${series}`;
    const mostBytes = name.length + BLOCK_BYTES + bytes;
    if (mostBytes > this.maxBytes || look.owner !== this.#owner) return;
    const { from, to, settledTo } = slot;
    const { size, start, place } = placeOf(from, to);
    const before = this.#series.get(name)?.bySize.get(size)?.blocks.get(start);
    if (before?.values[place] !== undefined) {
      this.#grow(before, -kind.bytesOf(before.values[place] as T));
      before.values[place] = undefined;
    }
    // Before it has its place: otherwise it could be what goes.
    while (this.#bytes + mostBytes > this.maxBytes) this.#forgetOne();
    if (!this.#series.has(name)) this.#bytes += name.length;
    const own = valueAt(this.#series, name, () => ({ name, bySize: new Map() }));
    const among = valueAt(own.bySize, size, () => ({ series: own, size, blocks: new Map() }));
    const block = valueAt(among.blocks, start, () => this.#begin(among, start));
    this.#grow(block, bytes);
    block.values[place] = value;
    block.versions[place] = look.days.of(from, to);
    block.settledTo[place] = settledTo;
  }

  #begin(among: Sized, start: number): Block {
    const lists = {
      values: new Array<unknown>(SLOTS),
      versions: new Array<number>(SLOTS),
      settledTo: new Array<EpochMicros>(SLOTS),
    };
    const ends = { older: this.#ring, newer: this.#ring };
    const block: Block = { among, start, ...lists, bytes: 0, used: false, ...ends };
    this.#grow(block, BLOCK_BYTES);
    this.#linkLast(block);
    return block;
  }

  #grow(block: Block, bytes: number): void {
    block.bytes += bytes;
    this.#bytes += bytes;
  }

  #linkLast(block: Block): void {
    const last = this.#ring.older;
    block.older = last;
    block.newer = this.#ring;
    last.newer = block;
    this.#ring.older = block;
  }

  /** Second chance: what was found since it was last looked at here goes to the end instead. */
  #forgetOne(): void {
    let block = this.#ring.newer;
    for (; block.used; block = this.#ring.newer) {
      block.used = false;
      unlink(block);
      this.#linkLast(block);
    }
    unlink(block);
    this.#bytes -= block.bytes;
    const { series, size, blocks } = block.among;
    blocks.delete(block.start);
    // Names come from callers: without a block, nothing is left of one.
    if (blocks.size === 0) series.bySize.delete(size);
    if (series.bySize.size === 0) {
      this.#series.delete(series.name);
      this.#bytes -= series.name.length;
    }
  }
}

/**
 * Where a slot is kept: in the block of slots of `size` that starts at `start`, both in minutes.
 */
function placeOf(from: EpochMicros, to: EpochMicros) {
  const size = (to - from) / MICROS_PER_MINUTE;
  const at = from / MICROS_PER_MINUTE;
  const place = Math.floor(at / size) % SLOTS;
  return { size, start: at - place * size, place };
}

function find<T>(
  own: Series,
  from: EpochMicros,
  to: EpochMicros,
  settledThrough: EpochMicros,
  look: Look,
): T | undefined {
  const { size, start, place } = placeOf(from, to);
  const block = own.bySize.get(size)?.blocks.get(start);
  const value = block?.values[place] as T | undefined;
  if (block === undefined || value === undefined) return undefined;
  if (block.settledTo[place] !== settledPart(from, to, settledThrough)) return undefined;
  if (block.versions[place] !== look.days.of(from, to)) return undefined;
  block.used = true;
  return value;
}

/** Of the 24 hours from `from` on; undefined where one is missing. */
function hoursOf<T>(
  own: Series,
  from: EpochMicros,
  settledThrough: EpochMicros,
  look: Look,
): T[] | undefined {
  const found: T[] = [];
  for (let at = from; at < from + MICROS_PER_DAY; at += MICROS_PER_HOUR) {
    const value = find<T>(own, at, at + MICROS_PER_HOUR, settledThrough, look);
    if (value === undefined) return undefined;
    found.push(value);
  }
  return found;
}

function unlink({ older, newer }: Block): void {
  older.newer = newer;
  newer.older = older;
}

/** A ring of nothing but its own link. */
function emptyRing(): Block {
  const link = { used: false } as Block;
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

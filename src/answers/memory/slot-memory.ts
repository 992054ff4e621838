// What was read already of the platform's rollups, slot by slot. A slot is found again only under
// the version of its days and the settled part of it that it was read under, both looked at in the
// answer's own snapshot (look.ts). Invariants: what is found is what a statement would read; memory
// is bounded; everything in it belongs to one generation of one database. Nothing of a single
// account is kept here.
//
// Life of a block, which holds 24 slots of one series and one size:
// - It begins when the first of its slots is kept, as the youngest of all blocks.
// - A slot that is kept again replaces the old one. A slot under another version stays where it is
//   and is not found, until it is replaced or its block goes.
// - A slot that is found marks its block as used.
// - Where a new slot has no room, the oldest block goes. One that was used since it was last passed
//   over becomes the youngest instead and loses its mark. So one round over all blocks ends with
//   one that goes.
// - All blocks go when a look belongs to another generation or database (`enter`). A read that
//   began before carries the old owner, so that what it found is not kept.
import {
  type EpochMicros,
  MICROS_PER_DAY,
  MICROS_PER_HOUR,
  MICROS_PER_MINUTE,
} from '../../domain/time/instant.js';
import { isDay, type Slot, type SlotRange, settledPart, slotOf } from '../../rollups/slots.js';
import type { Look } from '../freshness/look.js';
import { Dictionary } from './dictionary.js';

/** Something that is read of slots. */
export interface SlotKind<T> {
  readonly name: string;
  /** The dictionary of its values. Kinds with the same one know a text by the same number. */
  readonly names?: string;
  /** About what one costs in memory, in bytes; always the same for one value. */
  bytesOf(value: T): number;
  /**
   * What several slots, one after the other, are as one; undefined where they cannot be added up.
   */
  sum?(values: readonly T[]): T | undefined;
}

/**
 * Slots that lie one after the other: an object for each would cost as much as what is remembered
 * of it.
 */
interface Block {
  /** By place in the block; undefined where nothing is known. */
  readonly values: unknown[];
  /** What each was read under. */
  readonly versions: number[];
  readonly settledTo: EpochMicros[];
  bytes: number;
  /** Whether anything of it was found since it was last passed over. */
  used: boolean;
}

/** Where a slot is kept: at `index` in the block of slots of `size` that begins at `start`. */
interface Place {
  /** In minutes. */
  readonly size: number;
  /** In minutes since 1970. */
  readonly start: number;
  readonly index: number;
}

/** A slot as it is remembered; undefined where it is not, or was read under another state. */
type Find<T> = (from: EpochMicros, to: EpochMicros) => T | undefined;

/** Slots of a block: the hours of a day. */
const SLOTS = 24;
/** What a block costs beside its name and values: an object, its place in the map, three lists. */
const BLOCK_BYTES = 150 + 3 * (50 + 8 * SLOTS);

export class SlotMemory {
  /** The oldest first: a Map iterates in the order of insertion. */
  readonly #blocks = new Map<string, Block>();
  readonly #names = new Map<string, Dictionary>();
  #bytes = 0;
  #owner = '';

  /** Remembers at most about `maxBytes`; 0 remembers nothing. */
  constructor(private readonly maxBytes: number) {}

  /** How many blocks are remembered. */
  get blocks(): number {
    return this.#blocks.size;
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
    this.#blocks.clear();
    this.#names.clear();
    this.#bytes = 0;
    this.#owner = look.owner;
  }

  /** The dictionary that new values of a kind use now. */
  namesOf<T>({ name, names = name }: SlotKind<T>): Dictionary {
    let own = this.#names.get(names);
    if (own === undefined || own.isFull) {
      own = new Dictionary();
      this.#names.set(names, own);
    }
    return own;
  }

  /**
   * What is known of the slots of `range` under `look`, undefined where nothing is. `series`: a
   * name within the kind. A day whose hours are all known is made of them, and kept.
   */
  recall<T>(kind: SlotKind<T>, series: string, range: SlotRange, look: Look): (T | undefined)[] {
    const { edges } = range;
    if (look.owner !== this.#owner) return new Array<undefined>(edges.length - 1).fill(undefined);
    const find = this.#finder<T>(kind, series, range, look);
    const found: (T | undefined)[] = [];
    for (let i = 1; i < edges.length; i++) {
      const [from, to] = [edges[i - 1] as EpochMicros, edges[i] as EpochMicros];
      let value = find(from, to);
      if (value === undefined && kind.sum !== undefined && isDay(from, to)) {
        const hours = hoursOf(from, find);
        value = hours && kind.sum(hours);
        if (value !== undefined) this.keep(kind, series, slotOf(range, from, to), look, value);
      }
      found.push(value);
    }
    return found;
  }

  /**
   * Keeps what was read in the snapshot of `look`. Answers share it: it is not changed afterwards,
   * but for the encoded point that wire/points.ts leaves with it.
   */
  keep<T>(kind: SlotKind<T>, series: string, slot: Slot, look: Look, value: T): void {
    const { from, to, settledTo } = slot;
    const place = placeOf(from, to);
    const name = nameOf(kind, series, place);
    const bytes = kind.bytesOf(value);
    const mostBytes = BLOCK_BYTES + name.length + bytes;
    if (mostBytes > this.maxBytes || look.owner !== this.#owner) return;
    this.#drop(kind, this.#blocks.get(name), place);
    // Before the value has its place: its own block may be what goes.
    while (this.#bytes + mostBytes > this.maxBytes) this.#forgetOldest();
    const block = this.#blocks.get(name) ?? this.#begin(name);
    this.#grow(block, bytes);
    block.values[place.index] = value;
    block.versions[place.index] = look.days.of(from, to);
    block.settledTo[place.index] = settledTo;
  }

  /** Finds slots of one series under one look; most lie in the block of the one before. */
  #finder<T>(
    kind: SlotKind<T>,
    series: string,
    { settledThrough }: SlotRange,
    look: Look,
  ): Find<T> {
    let block: Block | undefined;
    let [size, start] = [Number.NaN, Number.NaN];
    return (from, to) => {
      const place = placeOf(from, to);
      if (place.size !== size || place.start !== start) {
        block = this.#blocks.get(nameOf(kind, series, place));
        ({ size, start } = place);
      }
      const value = block?.values[place.index] as T | undefined;
      if (block === undefined || value === undefined) return undefined;
      if (block.settledTo[place.index] !== settledPart(from, to, settledThrough)) return undefined;
      if (block.versions[place.index] !== look.days.of(from, to)) return undefined;
      block.used = true;
      return value;
    };
  }

  #begin(name: string): Block {
    const block: Block = {
      values: new Array<unknown>(SLOTS),
      versions: new Array<number>(SLOTS),
      settledTo: new Array<EpochMicros>(SLOTS),
      bytes: 0,
      used: false,
    };
    this.#blocks.set(name, block);
    this.#grow(block, BLOCK_BYTES + name.length);
    return block;
  }

  #drop<T>(kind: SlotKind<T>, block: Block | undefined, { index }: Place): void {
    const value = block?.values[index] as T | undefined;
    if (block === undefined || value === undefined) return;
    this.#grow(block, -kind.bytesOf(value));
    block.values[index] = undefined;
  }

  #grow(block: Block, bytes: number): void {
    block.bytes += bytes;
    this.#bytes += bytes;
  }

  #forgetOldest(): void {
    // A block that is inserted again comes round again in the same loop.
    for (const [name, block] of this.#blocks) {
      this.#blocks.delete(name);
      if (!block.used) {
        this.#bytes -= block.bytes;
        return;
      }
      block.used = false;
      this.#blocks.set(name, block);
    }
  }
}

function placeOf(from: EpochMicros, to: EpochMicros): Place {
  const size = (to - from) / MICROS_PER_MINUTE;
  const at = from / MICROS_PER_MINUTE;
  const index = Math.floor(at / size) % SLOTS;
  return { size, start: at - index * size, index };
}

/** Of a block. A series comes from callers and may be as long as a question. */
function nameOf(
  { name }: { readonly name: string },
  series: string,
  { size, start }: Place,
): string {
  return `${name} ${size} ${start} ${series}`;
}

/** Of the 24 hours from `from` on; undefined where one is missing. */
function hoursOf<T>(from: EpochMicros, find: Find<T>): T[] | undefined {
  const found: T[] = [];
  for (let at = from; at < from + MICROS_PER_DAY; at += MICROS_PER_HOUR) {
    const value = find(at, at + MICROS_PER_HOUR);
    if (value === undefined) return undefined;
    found.push(value);
  }
  return found;
}

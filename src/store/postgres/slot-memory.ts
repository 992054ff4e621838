/**
 * What was read already of the platform's rollups, slot by slot. A slot is found again only under the
 * version of its days and the settled part of it that it was read under, both looked at in the answer's
 * own snapshot (look.ts). Invariants: what is found is what a statement would read; memory is bounded;
 * everything in it belongs to one generation of one database. Nothing of a single account is kept here.
 */
import { type EpochMicros, MICROS_PER_MINUTE } from '../../domain/instant.js';
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
export function slotsOf({ edges, settledThrough }: CellRange): Slot[] {
  return edges.slice(1).map((to, i) => {
    const from = edges[i] as EpochMicros;
    return { from, to, settledTo: Math.min(Math.max(from, settledThrough), to) };
  });
}

/** Something that is read of slots. */
export interface SlotKind<T> {
  readonly name: string;
  /** About what one costs in memory, in bytes. */
  bytesOf(value: T): number;
}

interface Entry {
  readonly version: number;
  readonly settledTo: EpochMicros;
  readonly value: unknown;
}

type Series = Map<number, Entry>;

/** What an entry costs beside its value: an object and its place in the map. */
const ENTRY_BYTES = 100;

/** Above the longest slot, in minutes: a range has at most 400 days. */
const SPAN = 2 ** 20;

/** One number for both ends: minutes since 1970 stay below 2 ** 27 until the year 2225. */
const keyOf = ({ from, to }: Slot) =>
  (from / MICROS_PER_MINUTE) * SPAN + (to - from) / MICROS_PER_MINUTE;

export class SlotMemory {
  #recent = new Map<string, Series>();
  #older = new Map<string, Series>();
  #bytes = 0;
  #owner = '';

  /**
   * Remembers at most about `maxBytes`; 0 remembers nothing. What was not used while half of that was
   * newly remembered goes: two maps that take turns, which costs less than an order of use.
   */
  constructor(private readonly maxBytes: number) {}

  /** Forgets what was read of another generation or another database. */
  enter(look: Look): void {
    if (look.owner === this.#owner) return;
    this.#recent = new Map();
    this.#older = new Map();
    this.#bytes = 0;
    this.#owner = look.owner;
  }

  /** What is known of these slots under `look`, undefined where nothing is. `series`: a name within the kind. */
  recall<T>(kind: SlotKind<T>, series: string, slots: readonly Slot[], look: Look) {
    const found = new Array<T | undefined>(slots.length).fill(undefined);
    if (look.owner !== this.#owner) return found;
    const name = `${kind.name} ${series}`;
    const [recent, older] = [this.#recent.get(name), this.#older.get(name)];
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot;
      const key = keyOf(slot);
      const young = recent?.get(key);
      const entry = young ?? older?.get(key);
      if (entry === undefined || entry.settledTo !== slot.settledTo) continue;
      if (entry.version !== look.days.of(slot.from, slot.to)) continue;
      const value = entry.value as T;
      found[i] = value;
      if (young === undefined) this.#put(name, key, entry, kind.bytesOf(value));
    }
    return found;
  }

  /** Keeps what was read in the snapshot of `look`. Not to be changed afterwards: answers share it. */
  keep<T>(kind: SlotKind<T>, series: string, slot: Slot, look: Look, value: T): void {
    if (this.maxBytes === 0 || look.owner !== this.#owner) return;
    const version = look.days.of(slot.from, slot.to);
    const entry = { version, settledTo: slot.settledTo, value };
    this.#put(`${kind.name} ${series}`, keyOf(slot), entry, kind.bytesOf(value));
  }

  #put(name: string, key: number, entry: Entry, bytes: number): void {
    let series = this.#recent.get(name);
    if (series === undefined) {
      series = new Map();
      this.#recent.set(name, series);
    }
    series.set(key, entry);
    // One that is kept anew counts twice: the bound is an upper one.
    this.#bytes += ENTRY_BYTES + bytes;
    if (this.#bytes <= this.maxBytes / 2) return;
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#bytes = 0;
  }
}

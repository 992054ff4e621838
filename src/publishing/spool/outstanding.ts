// The digests of all events that the spool keeps, each with its segment and how far it has come. A
// Map of a million of them takes 100 MB and more; this table with open addressing takes 13 bytes a
// slot, at most 26 MB for a million.

/** On disk only; taken to be published; acknowledged by JetStream. */
export const WAITING = 1;
export const IN_HAND = 2;
export const STORED = 3;
export type Progress = typeof WAITING | typeof IN_HAND | typeof STORED;

const FREE = 0;
const FIRST_SLOT_COUNT = 1024;
/** Beyond this share of used slots, searches become long. */
const MAX_LOAD = 0.75;

/** A set of digests of 64 bits. Slots stay valid until the next `add` or `delete`. */
export class Outstanding {
  #high = new Uint32Array(FIRST_SLOT_COUNT);
  #low = new Uint32Array(FIRST_SLOT_COUNT);
  #segments = new Uint32Array(FIRST_SLOT_COUNT);
  #progress = new Uint8Array(FIRST_SLOT_COUNT);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot of a digest, or -1. */
  find(high: number, low: number): number {
    const slot = this.#slotFor(high, low);
    return this.#progress[slot] === FREE ? -1 : slot;
  }

  /** Adds a digest that is not there yet. */
  add(high: number, low: number, segment: number, progress: Progress): void {
    if (this.#size + 1 > this.#progress.length * MAX_LOAD) this.#grow();
    this.#put(high, low, segment, progress);
    this.#size += 1;
  }

  segmentAt(slot: number): number {
    return this.#segments[slot] as number;
  }

  setSegment(slot: number, segment: number): void {
    this.#segments[slot] = segment;
  }

  progressAt(slot: number): Progress {
    return this.#progress[slot] as Progress;
  }

  setProgress(slot: number, progress: Progress): void {
    this.#progress[slot] = progress;
  }

  /** Frees a slot, and moves those behind it up, so that no search ends too early. */
  delete(slot: number): void {
    const mask = this.#progress.length - 1;
    let hole = slot;
    for (let at = (hole + 1) & mask; this.#progress[at] !== FREE; at = (at + 1) & mask) {
      const home = (this.#low[at] as number) & mask;
      // It may move unless its home lies behind the hole.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#high[hole] = this.#high[at] as number;
      this.#low[hole] = this.#low[at] as number;
      this.#segments[hole] = this.#segments[at] as number;
      this.#progress[hole] = this.#progress[at] as number;
      hole = at;
    }
    this.#progress[hole] = FREE;
    this.#size -= 1;
  }

  /** The digests of a segment that are WAITING, in two halves each. */
  waitingIn(segment: number): { readonly digestHigh: number; readonly digestLow: number }[] {
    const found = [];
    for (let slot = 0; slot < this.#progress.length; slot++) {
      if (this.#progress[slot] !== WAITING || this.#segments[slot] !== segment) continue;
      const [digestHigh, digestLow] = [this.#high[slot] as number, this.#low[slot] as number];
      found.push({ digestHigh, digestLow });
    }
    return found;
  }

  /** Puts every digest of these segments that is STORED back to WAITING. */
  forgetStored(segments: ReadonlySet<number>): void {
    for (let slot = 0; slot < this.#progress.length; slot++) {
      if (this.#progress[slot] !== STORED) continue;
      if (segments.has(this.#segments[slot] as number)) this.#progress[slot] = WAITING;
    }
  }

  /** Removes every digest of these segments. */
  deleteSegments(segments: ReadonlySet<number>): void {
    const { high, low, segments: of, progress } = this.#columns();
    this.#reset(progress.length);
    this.#size = 0;
    for (let slot = 0; slot < progress.length; slot++) {
      if (progress[slot] === FREE || segments.has(of[slot] as number)) continue;
      const [h, l] = [high[slot] as number, low[slot] as number];
      this.#put(h, l, of[slot] as number, progress[slot] as Progress);
      this.#size += 1;
    }
  }

  // A digest is as good as random: its low half needs no further hashing.
  #slotFor(high: number, low: number): number {
    const mask = this.#progress.length - 1;
    let slot = low & mask;
    while (
      this.#progress[slot] !== FREE &&
      (this.#low[slot] !== low || this.#high[slot] !== high)
    ) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #put(high: number, low: number, segment: number, progress: Progress): void {
    const slot = this.#slotFor(high, low);
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#segments[slot] = segment;
    this.#progress[slot] = progress;
  }

  #grow(): void {
    const { high, low, segments, progress } = this.#columns();
    this.#reset(progress.length * 2);
    for (let slot = 0; slot < progress.length; slot++) {
      if (progress[slot] === FREE) continue;
      const [h, l] = [high[slot] as number, low[slot] as number];
      this.#put(h, l, segments[slot] as number, progress[slot] as Progress);
    }
  }

  #columns() {
    return {
      high: this.#high,
      low: this.#low,
      segments: this.#segments,
      progress: this.#progress,
    };
  }

  #reset(slotCount: number): void {
    this.#high = new Uint32Array(slotCount);
    this.#low = new Uint32Array(slotCount);
    this.#segments = new Uint32Array(slotCount);
    this.#progress = new Uint8Array(slotCount);
  }
}

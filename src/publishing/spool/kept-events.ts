// The account of all events that the spool keeps, and of the segments that hold them.
//
// An event is pending (in memory, its group not yet synced), then safe, and of what is safe:
// waiting on disk, in hand to be published, or stored (acknowledged by JetStream). It leaves when
// it is counted or refused, or, where room is needed, with a segment in which all is stored. A
// segment is unlinked when its last event has left and nothing more is written to it.

import { unlink } from 'node:fs/promises';
import type { Digest } from '../../nats/announcements.js';
import { IN_HAND, Outstanding, STORED, WAITING } from './outstanding.js';
import type { Segment } from './segment.js';

/** How long an announcement may come after the progress that covers its event (contract, 7). */
const ANNOUNCEMENT_GRACE_SECONDS = 5;
/** In the table: an event whose group is not written yet. Segments begin at 1. */
const NO_SEGMENT = 0;

/** Why an event left. */
export type Departure = 'counted' | 'refused' | 'released' | 'dropped';

/** Events by what became of them, since the spool was opened. */
export interface SpoolCounts {
  queued: number;
  safe: number;
  stored: number;
  counted: number;
  refused: number;
  released: number;
  dropped: number;
}

export class KeptEvents {
  readonly counts: SpoolCounts = {
    queued: 0,
    safe: 0,
    stored: 0,
    counted: 0,
    refused: 0,
    released: 0,
    dropped: 0,
  };
  readonly #outstanding = new Outstanding();
  /** Ascending by number. */
  readonly #segments = new Map<number, Segment>();
  readonly #unlinks = new Set<Promise<void>>();
  #bytes = 0;

  /** `isOpen` tells whether more is written to a segment. */
  constructor(private readonly isOpen: (segment: Segment) => boolean) {}

  /** Events of any kind, pending ones included. */
  get size(): number {
    return this.#outstanding.size;
  }

  /** Of all segments, without what is pending. */
  get bytes(): number {
    return this.#bytes;
  }

  /** For how long the oldest segment that holds an event has been there; 0 where none does. */
  get oldestSeconds(): number {
    for (const segment of this.#segments.values()) {
      if (segment.outstandingCount > 0) return segment.ageSeconds;
    }
    return 0;
  }

  /** Whether the event is kept, and whether it is safe. */
  find({ digestHigh, digestLow }: Digest): 'pending' | 'safe' | undefined {
    const slot = this.#outstanding.find(digestHigh, digestLow);
    if (slot < 0) return undefined;
    return this.#outstanding.segmentAt(slot) === NO_SEGMENT ? 'pending' : 'safe';
  }

  /** Whether the event waits in this segment. */
  isWaitingIn(segment: Segment, { digestHigh, digestLow }: Digest): boolean {
    const slot = this.#outstanding.find(digestHigh, digestLow);
    if (slot < 0 || this.#outstanding.progressAt(slot) !== WAITING) return false;
    return this.#outstanding.segmentAt(slot) === segment.number;
  }

  /** All that waits in this segment. */
  waitingIn(segment: Segment): Digest[] {
    return this.#outstanding.waitingIn(segment.number);
  }

  addPending({ digestHigh, digestLow }: Digest): void {
    this.#outstanding.add(digestHigh, digestLow, NO_SEGMENT, IN_HAND);
    this.counts.queued += 1;
  }

  dropPending({ digestHigh, digestLow }: Digest): void {
    const slot = this.#outstanding.find(digestHigh, digestLow);
    if (slot >= 0) this.#outstanding.delete(slot);
    this.counts.dropped += 1;
  }

  /** A pending event is safe in this segment. */
  place(event: Digest, segment: Segment): void {
    const slot = this.#outstanding.find(event.digestHigh, event.digestLow);
    if (slot < 0) return;
    this.#outstanding.setSegment(slot, segment.number);
    segment.outstandingCount += 1;
    this.counts.safe += 1;
  }

  /** An event of an earlier process waits in this segment; not where an older one holds it. */
  recover({ digestHigh, digestLow }: Digest, segment: Segment): void {
    if (this.#outstanding.find(digestHigh, digestLow) >= 0) return;
    this.#outstanding.add(digestHigh, digestLow, segment.number, WAITING);
    segment.outstandingCount += 1;
    segment.needsReading = true;
  }

  /** Bytes were added to a segment, which may be new. */
  grown(segment: Segment, bytes: number): void {
    this.#segments.set(segment.number, segment);
    this.#bytes += bytes;
  }

  /** The event is not to be published until it is put back; false where it is not kept. */
  take({ digestHigh, digestLow }: Digest): boolean {
    const slot = this.#outstanding.find(digestHigh, digestLow);
    if (slot < 0) return false;
    const segment = this.#segments.get(this.#outstanding.segmentAt(slot));
    if (segment && this.#outstanding.progressAt(slot) === STORED) segment.storedCount -= 1;
    this.#outstanding.setProgress(slot, IN_HAND);
    return true;
  }

  /** The events are to be published again. */
  putBack(events: readonly Digest[]): void {
    for (const { digestHigh, digestLow } of events) {
      const slot = this.#outstanding.find(digestHigh, digestLow);
      if (slot < 0 || this.#outstanding.progressAt(slot) !== IN_HAND) continue;
      this.#outstanding.setProgress(slot, WAITING);
      const segment = this.#segments.get(this.#outstanding.segmentAt(slot));
      if (segment !== undefined) segment.needsReading = true;
    }
  }

  /** JetStream has acknowledged the events, the last under this sequence. */
  stored(events: readonly Digest[], sequence: number): void {
    for (const { digestHigh, digestLow } of events) {
      const slot = this.#outstanding.find(digestHigh, digestLow);
      if (slot < 0 || this.#outstanding.progressAt(slot) === STORED) continue;
      this.#outstanding.setProgress(slot, STORED);
      this.counts.stored += 1;
      const segment = this.#segments.get(this.#outstanding.segmentAt(slot));
      if (segment === undefined) continue;
      segment.storedCount += 1;
      segment.storedThrough = Math.max(segment.storedThrough, sequence);
      segment.judgedSeconds = 0;
    }
  }

  /** The event need not be kept any more; false where it was not, or is not safe yet. */
  settle({ digestHigh, digestLow }: Digest, departure: Departure): boolean {
    const slot = this.#outstanding.find(digestHigh, digestLow);
    if (slot < 0) return false;
    const segment = this.#segments.get(this.#outstanding.segmentAt(slot));
    if (segment === undefined) return false;
    segment.outstandingCount -= 1;
    if (this.#outstanding.progressAt(slot) === STORED) segment.storedCount -= 1;
    this.#outstanding.delete(slot);
    this.counts[departure] += 1;
    this.unlinkIfDone(segment);
    return true;
  }

  /** One second has passed. All sequences up to `judgedThrough`, where it is known, are judged. */
  tick(judgedThrough: number | undefined): void {
    const silent = new Set<number>();
    for (const segment of this.#segments.values()) {
      segment.ageSeconds += 1;
      if (judgedThrough === undefined || segment.storedCount === 0) continue;
      if (segment.storedThrough > judgedThrough) continue;
      segment.judgedSeconds += 1;
      if (segment.judgedSeconds >= ANNOUNCEMENT_GRACE_SECONDS) silent.add(segment.number);
    }
    this.#publishAgain(silent);
  }

  /** The stream of all acknowledgements until now is gone: what it stored is published again. */
  forgetStored(): void {
    this.#publishAgain(new Set(this.#segments.keys()));
  }

  /** Lets go, oldest first, of segments in which all is stored, until so many bytes are free. */
  letGo(bytes: number): void {
    const leaving = new Set<number>();
    let freed = 0;
    for (const segment of this.#segments.values()) {
      if (freed >= bytes) break;
      if (segment.storedCount < segment.outstandingCount || this.isOpen(segment)) continue;
      leaving.add(segment.number);
      freed += segment.bytes;
      this.counts.released += segment.outstandingCount;
      segment.outstandingCount = 0;
      this.unlinkIfDone(segment);
    }
    if (leaving.size > 0) this.#outstanding.deleteSegments(leaving);
  }

  /** The oldest segment that holds events which wait, and are to be read. */
  nextToRead(): Segment | undefined {
    for (const segment of this.#segments.values()) if (segment.needsReading) return segment;
    return undefined;
  }

  has(segment: Segment): boolean {
    return this.#segments.has(segment.number);
  }

  // Begun at once and awaited by `unlinked`. A file that stays is published again by the next
  // process, which costs copies only.
  unlinkIfDone(segment: Segment): void {
    if (segment.outstandingCount > 0 || this.isOpen(segment)) return;
    if (this.#segments.delete(segment.number)) this.#bytes -= segment.bytes;
    const gone = unlink(segment.file)
      .catch(() => undefined)
      .then(() => {
        this.#unlinks.delete(gone);
      });
    this.#unlinks.add(gone);
  }

  async unlinked(): Promise<void> {
    await Promise.all(this.#unlinks);
  }

  #publishAgain(numbers: ReadonlySet<number>): void {
    if (numbers.size === 0) return;
    this.#outstanding.forgetStored(numbers);
    for (const number of numbers) {
      const segment = this.#segments.get(number);
      if (segment === undefined) continue;
      segment.needsReading ||= segment.storedCount > 0;
      segment.storedCount = 0;
      segment.storedThrough = 0;
      segment.judgedSeconds = 0;
    }
  }
}

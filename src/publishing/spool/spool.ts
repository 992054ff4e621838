// Keeps every event on disk until it is counted, refused or released, whatever happens to the
// process or to the bus. Nothing on disk says how far publishing has come: after a crash every
// event of every segment is published again, and counting makes nothing of copies.

import { chmod, mkdir } from 'node:fs/promises';
import type { Digest } from '../../nats/announcements.js';
import { Appender } from './appender.js';
import { withDigest } from './digest.js';
import { holdDirectory } from './hold.js';
import { type Departure, KeptEvents, type SpoolCounts } from './kept-events.js';
import { type Damage, readRecords, recordBytes, type SpooledEvent } from './records.js';
import { readSegment, type Segment, segmentNumbers, segmentOf } from './segment.js';
import { SegmentReader } from './segment-reader.js';
import { faultOf, type SpoolTrouble } from './spool-fault.js';

/** Safe events are kept in memory for publishing up to here; beyond, they are read again. */
const MAX_RECENT_BYTES = 4 * 1024 * 1024;
/** Events that the disk has not taken yet are in memory up to here. */
const MAX_PENDING_BYTES = 32 * 1024 * 1024;
/** A trickle begins a new segment this often, so that the old one can leave. */
const MAX_SEGMENT_AGE_SECONDS = 10;
/** From this share of the room on, what is stored is let go before anything has to be refused. */
const RELEASE_FROM = 7 / 8;

export interface SpoolOptions {
  readonly directory: string;
  /** Most bytes of all segments together. */
  readonly maxBytes: number;
  /** Something can be published. */
  readonly onReady: () => void;
  readonly onTrouble: (trouble: SpoolTrouble) => void;
}

export class Spool {
  readonly #kept: KeptEvents;
  readonly #reader: SegmentReader;
  #recent: SpooledEvent[] = [];
  #recentBytes = 0;
  #lostCount = 0;
  #appender!: Appender;
  #release: () => Promise<void> = async () => undefined;

  private constructor(private readonly options: SpoolOptions) {
    this.#kept = new KeptEvents((segment) => segment === this.#appender.current);
    this.#reader = new SegmentReader(this.#kept, options.onTrouble);
  }

  /** Rejects with a SpoolFault that names the file. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory } = options;
    const spool = new Spool(options);
    try {
      const made = await mkdir(directory, { recursive: true, mode: 0o700 });
      // Before anything is written to a directory of others.
      await segmentNumbers(directory);
      if (made !== undefined) await forOwnerOnly(directory);
      spool.#release = await holdDirectory(directory);
      const numbers = await segmentNumbers(directory);
      spool.#appender = spool.#newAppender((numbers.at(-1) ?? 0) + 1);
      for (const number of numbers) await spool.#recover(segmentOf(directory, number));
      return spool;
    } catch (error) {
      await spool.#release();
      throw faultOf(error, directory);
    }
  }

  get counts(): Readonly<SpoolCounts> {
    return this.#kept.counts;
  }

  /** Events that are safe and have not left. */
  get outstandingCount(): number {
    return this.#kept.size - this.pendingCount;
  }

  /** Events that are not yet safe. */
  get pendingCount(): number {
    return this.#appender.pendingCount;
  }

  get bytes(): number {
    return this.#kept.bytes + this.#appender.pendingBytes;
  }

  /** Queued events that no disk took, since the spool was opened. */
  get lostCount(): number {
    return this.#lostCount;
  }

  get oldestSeconds(): number {
    return this.#kept.oldestSeconds;
  }

  /**
   * Takes an event into memory, without I/O. The promise says whether it became safe. Undefined
   * where there is no room. An event that is kept already is not written again.
   */
  add(event: SpooledEvent): Promise<boolean> | undefined {
    const found = this.#kept.find(event);
    if (found === 'safe') return Promise.resolve(true);
    if (found === 'pending') return this.#appender.allWritten();
    const bytes = recordBytes(event.payload);
    if (this.bytes + bytes > this.options.maxBytes) this.#kept.letGo(bytes);
    const isTooMuch =
      this.bytes + bytes > this.options.maxBytes ||
      this.#appender.pendingBytes + bytes > MAX_PENDING_BYTES;
    if (this.#appender.paused || isTooMuch) {
      this.#kept.counts.dropped += 1;
      return undefined;
    }
    this.#kept.addPending(event);
    return this.#appender.append(event);
  }

  /** True when all that was queued until now is safe. */
  allSafe(): Promise<boolean> {
    return this.#appender.allWritten();
  }

  /** At most `count` events that wait to be published; none where none does. One call at a time. */
  async next(count: number): Promise<SpooledEvent[]> {
    if (this.#recent.length > 0) {
      const events = this.#recent.splice(0, count);
      for (const { payload } of events) this.#recentBytes -= payload.length;
      return events;
    }
    return this.#reader.next(count);
  }

  /** JetStream has acknowledged the events, the last under this sequence. */
  stored(events: readonly SpooledEvent[], sequence: number): void {
    this.#kept.stored(events, sequence);
  }

  /** The event is not to be published until it is put back; false where it is not kept. */
  take(digest: Digest): boolean {
    return this.#kept.take(digest);
  }

  /** The events are to be published again. */
  putBack(events: readonly Digest[]): void {
    this.#kept.putBack(events);
  }

  /** The event need not be kept any more; false where it was not, or is not safe yet. */
  settle(digest: Digest, departure: Departure): boolean {
    return this.#kept.settle(digest, departure);
  }

  /** One second has passed. All sequences up to `judgedThrough`, where it is known, are judged. */
  tick(judgedThrough: number | undefined): void {
    this.#kept.tick(judgedThrough);
    if ((this.#appender.current?.ageSeconds ?? 0) >= MAX_SEGMENT_AGE_SECONDS) this.#appender.roll();
    this.options.onReady();
  }

  /** The stream of all acknowledgements until now is gone: what it stored is published again. */
  forgetStored(): void {
    this.#kept.forgetStored();
    this.options.onReady();
  }

  /** Makes safe what is pending, and lets another publisher have the directory. */
  async close(): Promise<void> {
    await this.#appender.close();
    await this.#kept.unlinked();
    await this.#release();
  }

  #newAppender(nextNumber: number): Appender {
    return new Appender(this.options.directory, nextNumber, {
      written: (events, segment, bytes) => this.#written(events, segment, bytes),
      lost: (events, fault) => {
        for (const event of events) this.#kept.dropPending(event);
        this.#lostCount += events.length;
        this.options.onTrouble({ kind: 'fault', fault, lostCount: events.length });
      },
      free: async (bytes) => {
        this.#kept.letGo(bytes);
        await this.#kept.unlinked();
      },
      closed: (segment) => this.#kept.unlinkIfDone(segment),
    });
  }

  async #recover(segment: Segment): Promise<void> {
    const bytes = await readSegment(segment.file);
    segment.bytes = bytes.length;
    this.#kept.grown(segment, bytes.length);
    for (const read of readRecords(bytes)) {
      if ('payload' in read) this.#kept.recover(withDigest(read.kind, read.payload), segment);
      else this.#tellDamage(segment, read);
    }
    this.#kept.unlinkIfDone(segment);
  }

  #written(events: readonly SpooledEvent[], segment: Segment, bytes: number): void {
    this.#kept.grown(segment, bytes);
    for (const event of events) {
      this.#kept.place(event, segment);
      if (this.#recentBytes > MAX_RECENT_BYTES) {
        this.#kept.putBack([event]);
        continue;
      }
      this.#recent.push(event);
      this.#recentBytes += event.payload.length;
    }
    const excess = this.bytes - this.options.maxBytes * RELEASE_FROM;
    if (excess > 0) this.#kept.letGo(excess);
    this.options.onReady();
  }

  #tellDamage(segment: Segment, damage: Damage): void {
    this.options.onTrouble({ kind: 'damage', file: segment.file, damage });
  }
}

/** Some file systems and mounts have rights of their own, and refuse others. */
async function forOwnerOnly(directory: string): Promise<void> {
  try {
    await chmod(directory, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

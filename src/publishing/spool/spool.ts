// Keeps every event on disk until it is counted, refused or released, whatever happens to the
// process or to the bus. Nothing on disk says how far publishing has come: after a crash every
// event of every segment is published again, and counting makes nothing of copies.

import { chmod, mkdir } from 'node:fs/promises';
import { Appender } from './appender.js';
import { withDigest } from './digest.js';
import { holdDirectory } from './hold.js';
import { type Departure, type Digest, KeptEvents, type SpoolCounts } from './kept-events.js';
import { type Damage, readRecords, recordBytes, type SpooledEvent } from './records.js';
import { readSegment, type Segment, segmentNumbers, segmentOf } from './segment.js';
import { faultOf, type SpoolFault } from './spool-fault.js';

/** Safe events are kept in memory for publishing up to here; beyond, they are read again. */
const MAX_RECENT_BYTES = 4 * 1024 * 1024;
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

/**
 * What an operator should look at: writing or reading failed, so that `lostCount` events that were
 * taken into memory are not safe; or a stretch of a segment was skipped.
 */
export type SpoolTrouble =
  | { readonly kind: 'fault'; readonly fault: SpoolFault; readonly lostCount: number }
  | { readonly kind: 'damage'; readonly file: string; readonly damage: Damage };

export class Spool {
  readonly #kept: KeptEvents;
  #recent: SpooledEvent[] = [];
  #recentBytes = 0;
  #appender!: Appender;
  #reading: { readonly segment: Segment; readonly events: Iterator<SpooledEvent> } | undefined;
  #release: () => Promise<void> = async () => undefined;

  private constructor(private readonly options: SpoolOptions) {
    this.#kept = new KeptEvents((segment) => segment === this.#appender.current);
  }

  /** Rejects with a SpoolFault that names the file. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory } = options;
    const spool = new Spool(options);
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      spool.#release = await holdDirectory(directory);
      await chmod(directory, 0o700);
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
    if (this.#appender.paused || this.bytes + bytes > this.options.maxBytes) {
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
    const events: SpooledEvent[] = [];
    while (events.length < count && (await this.#beginReading())) {
      const { done, value } = this.#reading?.events.next() ?? { done: true, value: undefined };
      if (done) this.#reading = undefined;
      else events.push(value);
    }
    return events;
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

  /** False where no segment has to be read, or the next one cannot be. */
  async #beginReading(): Promise<boolean> {
    if (this.#reading !== undefined) return true;
    const segment = this.#kept.nextToRead();
    if (segment === undefined) return false;
    segment.needsReading = false;
    try {
      const bytes = (await readSegment(segment.file)).subarray(0, segment.bytes);
      this.#reading = { segment, events: this.#waitingIn(segment, bytes) };
    } catch (error) {
      // Its last event may have left meanwhile, and the file with it.
      if (!this.#kept.has(segment)) return this.#beginReading();
      segment.needsReading = true;
      const fault = faultOf(error, segment.file);
      this.options.onTrouble({ kind: 'fault', fault, lostCount: 0 });
      return false;
    }
    return true;
  }

  *#waitingIn(segment: Segment, bytes: Buffer): Generator<SpooledEvent, undefined> {
    for (const read of readRecords(bytes)) {
      if (!('payload' in read)) {
        this.#tellDamage(segment, read);
        continue;
      }
      const event = withDigest(read.kind, read.payload);
      if (!this.#kept.isWaitingIn(segment, event)) continue;
      this.#kept.take(event);
      yield event;
    }
    return undefined;
  }

  #tellDamage(segment: Segment, damage: Damage): void {
    this.options.onTrouble({ kind: 'damage', file: segment.file, damage });
  }
}

// Writes events to the newest segment, in groups that share one fsync. A group begins to be written
// 20 ms after the one before it, or at once where that is past; what is queued meanwhile is the
// next group. After a failed write or sync nothing of the file is believed: it is cut back to what
// was synced before, and the group is tried once more in a new segment.

import type { FileHandle } from 'node:fs/promises';
import { recordBytes, type SpooledEvent, writeRecord } from './records.js';
import { createSegment, type Segment, segmentOf } from './segment.js';
import { faultOf, type SpoolFault } from './spool-fault.js';

const SYNC_INTERVAL_MS = 20;
/** A segment that has reached it takes no further group, a group no further event. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** After a group that could not be written, nothing is taken for so long. */
const FAILED_PAUSE_MS = 1_000;

interface Group {
  readonly events: SpooledEvent[];
  bytes: number;
  readonly written: Promise<boolean>;
  end(written: boolean): void;
}

/** What the appender tells the spool; neither may throw. */
export interface AppenderEvents {
  /** The events are synced in this segment, which they made longer by so many bytes. */
  written(events: readonly SpooledEvent[], segment: Segment, bytes: number): void;
  /** The events are nowhere. */
  lost(events: readonly SpooledEvent[], fault: SpoolFault): void;
  /** A disk is full: frees what can be freed. */
  free(bytes: number): Promise<void>;
  /** No further event goes to this segment. */
  closed(segment: Segment): void;
}

/** The only writer of segments. */
export class Appender {
  /** In the order of their writing; the last one takes events. */
  #groups: Group[] = [];
  #pendingBytes = 0;
  #pendingCount = 0;
  #writing: Group | undefined;
  #gate: NodeJS.Timeout | undefined;
  #segment: Segment | undefined;
  #file: FileHandle | undefined;
  #rollWanted = false;
  #paused = false;

  constructor(
    private readonly directory: string,
    private nextNumber: number,
    private readonly events: AppenderEvents,
  ) {}

  /** Bytes that are queued and not yet in a segment. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Events that are queued and not yet in a segment. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** Whether the last group failed a moment ago. */
  get paused(): boolean {
    return this.#paused;
  }

  /** The segment that takes the next group, where one is open. */
  get current(): Segment | undefined {
    return this.#segment;
  }

  /** Queues an event; does no I/O. */
  append(event: SpooledEvent): Promise<boolean> {
    let group = this.#groups.at(-1);
    if (group === undefined || group.bytes >= SEGMENT_BYTES) {
      group = newGroup();
      this.#groups.push(group);
    }
    const bytes = recordBytes(event.payload);
    group.events.push(event);
    group.bytes += bytes;
    this.#pendingCount += 1;
    this.#pendingBytes += bytes;
    if (this.#gate === undefined && this.#writing === undefined) this.#openGateSoon();
    return group.written;
  }

  /** True when all that is queued now is safe. */
  async allWritten(): Promise<boolean> {
    const groups = [this.#writing, ...this.#groups];
    const written = await Promise.all(groups.map((group) => group?.written ?? true));
    return written.every((one) => one);
  }

  /** Ends the current segment before the next group. */
  roll(): void {
    if (this.#writing !== undefined) this.#rollWanted = true;
    else void this.#closeSegment();
  }

  async close(): Promise<void> {
    await this.allWritten();
    clearTimeout(this.#gate);
    await this.#closeSegment();
  }

  // The caller's turn ends first: what it queues together is written together.
  #openGateSoon(): void {
    this.#gate = setTimeout(() => this.#writeGroup(), 0);
  }

  #writeGroup(): void {
    this.#gate = undefined;
    if (this.#writing !== undefined) return;
    const group = this.#groups.shift();
    if (group === undefined) return;
    this.#writing = group;
    this.#gate = setTimeout(() => this.#writeGroup(), SYNC_INTERVAL_MS);
    void this.#write(group).then((written) => {
      this.#writing = undefined;
      this.#pendingCount -= group.events.length;
      this.#pendingBytes -= group.bytes;
      if (this.#gate === undefined) this.#writeGroup();
      group.end(written);
    });
  }

  async #write(group: Group): Promise<boolean> {
    try {
      await this.#tryToWrite(group);
      return true;
    } catch (error) {
      await this.#abandonSegment();
      if (faultOf(error, this.directory).kind === 'full') await this.events.free(group.bytes);
    }
    try {
      await this.#tryToWrite(group);
      return true;
    } catch (error) {
      const fault = faultOf(error, this.#segment?.file ?? this.directory);
      await this.#abandonSegment();
      this.#paused = true;
      const pause = setTimeout(() => {
        this.#paused = false;
      }, FAILED_PAUSE_MS);
      pause.unref();
      this.events.lost(group.events, fault);
      return false;
    }
  }

  async #tryToWrite(group: Group): Promise<void> {
    const full = this.#segment !== undefined && this.#segment.bytes >= SEGMENT_BYTES;
    if (full || this.#rollWanted) await this.#closeSegment();
    let headerBytes = 0;
    if (this.#segment === undefined || this.#file === undefined) {
      const segment = segmentOf(this.directory, this.nextNumber);
      this.nextNumber += 1;
      this.#file = await createSegment(this.directory, segment);
      this.#segment = segment;
      headerBytes = segment.bytes;
    }
    const bytes = Buffer.allocUnsafe(group.bytes);
    let end = 0;
    for (const event of group.events) end = writeRecord(bytes, end, event);
    await this.#file.appendFile(bytes);
    await this.#file.datasync();
    this.#segment.bytes += group.bytes;
    this.events.written(group.events, this.#segment, group.bytes + headerBytes);
  }

  async #closeSegment(): Promise<void> {
    const [file, segment] = [this.#file, this.#segment];
    this.#rollWanted = false;
    this.#file = undefined;
    this.#segment = undefined;
    await file?.close().catch(() => undefined);
    if (segment !== undefined) this.events.closed(segment);
  }

  async #abandonSegment(): Promise<void> {
    await this.#file?.truncate(this.#segment?.bytes ?? 0).catch(() => undefined);
    await this.#closeSegment();
  }
}

function newGroup(): Group {
  let end: (written: boolean) => void = () => undefined;
  const written = new Promise<boolean>((resolve) => {
    end = resolve;
  });
  return { events: [], bytes: 0, written, end };
}

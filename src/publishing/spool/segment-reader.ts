// Reads again from disk what waits to be published and is not in memory, a segment at a time, the
// oldest first. What a segment no longer holds whole is lost: it leaves the account and is told, so
// that it does not keep its segment for good.

import { withDigest } from './digest.js';
import type { KeptEvents } from './kept-events.js';
import { readRecords, type SpooledEvent } from './records.js';
import { readSegment, type Segment } from './segment.js';
import { faultOf, SpoolFault, type SpoolTrouble } from './spool-fault.js';

export class SegmentReader {
  #events: Iterator<SpooledEvent> | undefined;

  constructor(
    private readonly kept: KeptEvents,
    private readonly tell: (trouble: SpoolTrouble) => void,
  ) {}

  /** At most `count` events that wait; none where none does. One call at a time. */
  async next(count: number): Promise<SpooledEvent[]> {
    const events: SpooledEvent[] = [];
    while (events.length < count && (await this.#begin())) {
      const { done, value } = this.#events?.next() ?? { done: true, value: undefined };
      if (done) this.#events = undefined;
      else events.push(value);
    }
    return events;
  }

  /** False where no segment has to be read, or the next one cannot be. */
  async #begin(): Promise<boolean> {
    if (this.#events !== undefined) return true;
    const segment = this.kept.nextToRead();
    if (segment === undefined) return false;
    segment.needsReading = false;
    // Of a group that is written meanwhile, the file may hold a part.
    const { bytes: size } = segment;
    try {
      const bytes = (await readSegment(segment.file)).subarray(0, size);
      this.#events = this.#waitingIn(segment, bytes, size);
    } catch (error) {
      // Its last event may have left meanwhile, and the file with it.
      if (!this.kept.has(segment)) return this.#begin();
      segment.needsReading = true;
      const fault = faultOf(error, segment.file);
      this.tell({ kind: 'fault', fault, lostCount: 0 });
      return false;
    }
    return true;
  }

  *#waitingIn(segment: Segment, bytes: Buffer, size: number): Generator<SpooledEvent, undefined> {
    let isWhole = bytes.length === size;
    for (const read of readRecords(bytes)) {
      if (!('payload' in read)) {
        isWhole = false;
        this.tell({ kind: 'damage', file: segment.file, damage: read });
        continue;
      }
      const event = withDigest(read.kind, read.payload);
      if (!this.kept.isWaitingIn(segment, event)) continue;
      this.kept.take(event);
      yield event;
    }
    if (!isWhole) this.#lose(segment, bytes, size);
    return undefined;
  }

  /** Drops what waits in a damaged segment and was not read from it. */
  #lose(segment: Segment, bytes: Buffer, size: number): void {
    if (segment.bytes !== size) {
      // It has grown by events that were not read either.
      segment.needsReading = true;
      return;
    }
    const whole = new Set<string>();
    for (const read of readRecords(bytes)) {
      if (!('payload' in read)) continue;
      const { digestHigh, digestLow } = withDigest(read.kind, read.payload);
      whole.add(`${digestHigh} ${digestLow}`);
    }
    let lostCount = 0;
    for (const digest of this.kept.waitingIn(segment)) {
      if (whole.has(`${digest.digestHigh} ${digest.digestLow}`)) continue;
      if (this.kept.settle(digest, 'dropped')) lostCount += 1;
    }
    if (lostCount === 0) return;
    const { file } = segment;
    const fault = new SpoolFault('failed', file, `Events that were safe in ${file} are damaged`);
    this.tell({ kind: 'fault', fault, lostCount });
  }
}

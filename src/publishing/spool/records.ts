// The bytes of a segment: a header that names format and version, then records of `length, CRC-32C,
// event`. The checksum covers the length too. A damaged stretch ends where the next whole record
// begins, so that one flipped bit costs one record.

import type { EventKind } from '../../domain/message/admission.js';
import { MAX_PAYLOAD_BYTES } from '../../domain/message/event-reading.js';
import type { Digest } from '../../nats/announcements.js';
import { crc32c } from './crc32c.js';

/** An event as it is published: its kind gives the subject, its payload is the contract's JSON. */
export interface SpooledEvent extends Digest {
  readonly kind: EventKind;
  readonly payload: Buffer;
}

/** At the numbers that stand in the file; a kind keeps its number for ever. */
const KINDS: readonly EventKind[] = ['charged', 'refunded', 'reported'];

const MAGIC = Buffer.from('SMSSPOOL');
const VERSION = 1;
/** Magic and version. */
export const HEADER_BYTES = 12;
/** Length and checksum. */
const FRAME_BYTES = 8;
/** The kind is one byte more. */
const MAX_EVENT_BYTES = MAX_PAYLOAD_BYTES + 1;
const OPENING_BRACE = 0x7b;

/** What a new segment begins with. */
export function segmentHeader(): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(VERSION, MAGIC.length);
  return header;
}

/**
 * What the first bytes of a file say it is. A header that a crash cut short is `torn`: no event can
 * be behind it.
 */
export function kindOfFile(bytes: Buffer): 'ours' | 'torn' | 'other_version' | 'not_ours' {
  const magic = bytes.subarray(0, Math.min(bytes.length, MAGIC.length));
  if (!magic.equals(MAGIC.subarray(0, magic.length))) {
    return bytes.every((byte) => byte === 0) ? 'torn' : 'not_ours';
  }
  if (bytes.length < HEADER_BYTES) return 'torn';
  const version = bytes.readUInt32LE(MAGIC.length);
  // A power cut can leave a file's length without its bytes.
  if (version === 0 && bytes.subarray(HEADER_BYTES).every((byte) => byte === 0)) return 'torn';
  return version === VERSION ? 'ours' : 'other_version';
}

/** How many bytes a record of this payload has. */
export function recordBytes(payload: Buffer): number {
  return FRAME_BYTES + 1 + payload.length;
}

/** Writes one record into `target`; where it ends. */
export function writeRecord(target: Buffer, at: number, event: SpooledEvent): number {
  const start = at + FRAME_BYTES;
  const end = start + 1 + event.payload.length;
  target.writeUInt32LE(end - start, at);
  target[start] = KINDS.indexOf(event.kind);
  event.payload.copy(target, start + 1);
  target.writeUInt32LE(checksum(target, at, end), at + 4);
  return end;
}

/** Of the length and the event: the checksum itself stands between them. */
function checksum(bytes: Buffer, at: number, end: number): number {
  return (crc32c(bytes, at, at + 4) ^ crc32c(bytes, at + FRAME_BYTES, end)) >>> 0;
}

/** A stretch of a segment that holds no whole record. */
export interface Damage {
  readonly offset: number;
  readonly bytes: number;
  /** Torn: nothing whole comes after it, as a crash leaves it. Corrupt: records follow. */
  readonly kind: 'torn' | 'corrupt';
}

/** A record that was read; the payload shares memory with the segment. */
export interface ReadRecord {
  readonly kind: EventKind;
  readonly payload: Buffer;
}

/** All whole records of a segment in order, and each damaged stretch where it lies. */
export function* readRecords(segment: Buffer): Generator<ReadRecord | Damage> {
  let at = HEADER_BYTES;
  while (at < segment.length) {
    const end = recordEnd(segment, at);
    if (end > 0) {
      const kind = KINDS[segment[at + FRAME_BYTES] as number] as EventKind;
      yield { kind, payload: segment.subarray(at + FRAME_BYTES + 1, end) };
      at = end;
      continue;
    }
    let next = at + 1;
    while (next < segment.length && recordEnd(segment, next) < 0) next++;
    const kind = next < segment.length ? 'corrupt' : 'torn';
    yield { offset: at, bytes: next - at, kind };
    at = next;
  }
}

/** Where the record at `at` ends, or -1 where there is no whole one. */
function recordEnd(segment: Buffer, at: number): number {
  const start = at + FRAME_BYTES;
  if (start + 2 > segment.length) return -1;
  // Cheap looks first: a search for the next record tries every byte.
  if ((segment[start] as number) >= KINDS.length || segment[start + 1] !== OPENING_BRACE) return -1;
  const length = segment.readUInt32LE(at);
  const end = start + length;
  if (length < 2 || length > MAX_EVENT_BYTES || end > segment.length) return -1;
  return checksum(segment, at, end) === segment.readUInt32LE(at + 4) ? end : -1;
}

// Segments as bytes: what is whole is read, whatever lies between.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/publishing/spool/crc32c.js';
import {
  HEADER_BYTES,
  kindOfFile,
  readRecords,
  recordBytes,
  segmentHeader,
  writeRecord,
} from '../../../src/publishing/spool/records.js';
import { spooledEvent } from './spooled-events.js';

function segmentWith(count: number): { segment: Buffer; ends: number[] } {
  const events = Array.from({ length: count }, (_, index) => spooledEvent(index));
  const size = events.reduce((sum, { payload }) => sum + recordBytes(payload), HEADER_BYTES);
  const segment = Buffer.alloc(size);
  segmentHeader().copy(segment);
  const ends: number[] = [];
  for (const event of events) {
    ends.push(writeRecord(segment, ends.at(-1) ?? HEADER_BYTES, event));
  }
  return { segment, ends };
}

function contentOf(segment: Buffer): string[] {
  return [...readRecords(segment)].map((read) =>
    'payload' in read
      ? (/event-\d+/.exec(read.payload.toString())?.[0] ?? '')
      : `${read.kind}@${read.offset}+${read.bytes}`,
  );
}

describe('a segment', () => {
  it('has the checksum of RFC 3720, appendix B.4', () => {
    const zeros = new Uint8Array(32);
    expect(crc32c(zeros, 0, 32)).toBe(0x8a9136aa);
    const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);
    expect(crc32c(ascending, 0, 32)).toBe(0x46dd794e);
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283);
  });

  it('gives back what was written', () => {
    expect(contentOf(segmentWith(3).segment)).toEqual(['event-0', 'event-1', 'event-2']);
  });

  it('ends at the last whole record, wherever it is cut', () => {
    const { segment, ends } = segmentWith(3);
    for (let cut = HEADER_BYTES; cut <= segment.length; cut++) {
      const whole = ends.filter((end) => end <= cut).length;
      const content = contentOf(segment.subarray(0, cut));
      expect(content.filter((line) => line.startsWith('event-'))).toHaveLength(whole);
      const end = ends[whole - 1] ?? HEADER_BYTES;
      if (end < cut) expect(content.at(-1)).toBe(`torn@${end}+${cut - end}`);
    }
  });

  it('loses the one record in which a byte changed, and names the place', () => {
    const { segment, ends } = segmentWith(3);
    const [first = 0, second = 0] = ends;
    for (let at = first; at < second; at++) {
      const damaged = Buffer.from(segment);
      damaged[at] = (damaged[at] as number) ^ 0x40;
      const expected = ['event-0', `corrupt@${first}+${second - first}`, 'event-2'];
      expect(contentOf(damaged)).toEqual(expected);
    }
  });

  it('never throws and never yields other bytes than were written', () => {
    const { segment } = segmentWith(4);
    const change = fc.tuple(fc.nat({ max: segment.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const damaged = Buffer.from(segment);
        for (const [at, byte] of changes) damaged[at] = byte;
        for (const line of contentOf(damaged)) expect(line).toMatch(/^(event-[0-3]|\w+@\d+\+\d+)$/);
      }),
      { numRuns: 500 },
    );
  });

  it('is told from files of another version and from files of others', () => {
    const { segment } = segmentWith(1);
    const newer = Buffer.from(segment);
    newer.writeUInt32LE(2, 8);
    expect(kindOfFile(segment)).toBe('ours');
    expect(kindOfFile(newer)).toBe('other_version');
    expect(kindOfFile(Buffer.from('a note to myself'))).toBe('not_ours');
    expect(kindOfFile(segment.subarray(0, 5))).toBe('torn');
    expect(kindOfFile(Buffer.alloc(500))).toBe('torn');
  });
});

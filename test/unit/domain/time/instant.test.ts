import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dayOf,
  floorToMinutes,
  formatDay,
  formatInstant,
  instantOfTimestamp,
  MICROS_PER_DAY,
  parseInstant,
} from '../../../../src/domain/time/instant.js';

// 2026-11-22T00:00:00Z is 1,795,305,600 s after the epoch: 56 years of 365 days, 14 leap days
// (1972 to 2024), and 325 days since 1 January: (20,440 + 14 + 325) * 86,400 s.
const MIDNIGHT_MICROS = 1_795_305_600_000_000;

describe('an RFC 3339 text', () => {
  it.each([
    ['2026-11-22T00:00:00Z', MIDNIGHT_MICROS],
    ['2026-11-22T01:30:00+01:30', MIDNIGHT_MICROS],
    ['2026-11-21T18:30:00-05:30', MIDNIGHT_MICROS],
    ['2026-11-22T00:00:00-00:00', MIDNIGHT_MICROS],
    ['2026-11-22T00:00:00.5Z', MIDNIGHT_MICROS + 500_000],
    ['2026-11-22T00:00:00.000001Z', MIDNIGHT_MICROS + 1],
    ['2026-11-22T00:00:00.123456789Z', MIDNIGHT_MICROS + 123_456],
    ['2026-11-22T00:00:00.000000999Z', MIDNIGHT_MICROS],
    ['1970-01-01T00:00:00Z', 0],
    ['9999-12-31T23:59:59.999999Z', 253_402_300_799 * 1e6 + 999_999],
    ['1969-12-31T23:59:59.999999Z', -1],
    // 29 February 2024: 54 years of 365 days, 13 leap days, 31 + 28 days.
    ['2024-02-29T00:00:00Z', (19_710 + 13 + 59) * MICROS_PER_DAY],
    ['2000-02-29T00:00:00Z', (10_950 + 7 + 59) * MICROS_PER_DAY],
  ])('%s is %d microseconds', (text, micros) => {
    expect(parseInstant(text)).toBe(micros);
  });

  it.each([
    '',
    '1',
    '2025',
    '2025-11-22',
    '2025-11-22T00:00:00',
    '2025-11-22 00:00:00Z',
    '2025-11-22t00:00:00Z',
    '2025-11-22T00:00:00z',
    '22/11/2025',
    '2025-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2025-04-31T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-00-01T00:00:00Z',
    '2025-01-00T00:00:00Z',
    '2025-11-22T24:00:00Z',
    '2025-11-22T23:60:00Z',
    '2025-11-22T23:59:60Z',
    '2025-11-22T00:00Z',
    '2025-11-22T00:00:00.Z',
    '2025-11-22T00:00:00.1234567890Z',
    '2025-11-22T00:00:00,5Z',
    '2025-11-22T00:00:00+0100',
    '2025-11-22T00:00:00+01',
    '2025-11-22T00:00:00+24:00',
    '2025-11-22T00:00:00+01:60',
    '2025-11-22T00:00:00ZZ',
    '2025-11-22T00:00:00Z ',
    ' 2025-11-22T00:00:00Z',
    '２０２５-11-22T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '0000-12-31T23:59:59Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    "2025-01-01'; DROP TABLE x--",
    '2025-11-22T00:00:00.-1Z',
    '2025-1-22T00:00:00Z',
  ])('%j is no instant', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  it('is written as it is read, for every microsecond of 1684 to 2255', () => {
    const micros = fc.integer({ min: -9_000_000_000_000_000, max: 9_000_000_000_000_000 });
    fc.assert(
      fc.property(micros, (at) => {
        expect(parseInstant(formatInstant(at))).toBe(at);
      }),
    );
  });

  it('agrees with Date for every millisecond that Date can write', () => {
    const date = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('2250-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, (at) => {
        expect(parseInstant(at.toISOString())).toBe(at.getTime() * 1000);
      }),
    );
  });
});

describe('a protobuf Timestamp', () => {
  it('is cut to microseconds, before the epoch downwards too', () => {
    expect(instantOfTimestamp(1n, 1_999)).toBe(1_000_001);
    expect(instantOfTimestamp(-1n, 999_999_999)).toBe(-1);
  });

  it('is refused outside of its own bounds', () => {
    expect(instantOfTimestamp(0n, -1)).toBeUndefined();
    expect(instantOfTimestamp(0n, 1_000_000_000)).toBeUndefined();
    expect(instantOfTimestamp(253_402_300_800n, 0)).toBeUndefined();
    expect(instantOfTimestamp(-62_135_596_801n, 0)).toBeUndefined();
    expect(instantOfTimestamp(9_223_372_036_854_775_807n, 0)).toBeUndefined();
  });
});

describe('a day and a bucket', () => {
  it('start at UTC midnight, before the epoch too', () => {
    expect(dayOf(MIDNIGHT_MICROS)).toBe(20_779);
    expect(dayOf(MIDNIGHT_MICROS - 1)).toBe(20_778);
    expect(dayOf(-1)).toBe(-1);
    expect(formatDay(20_779)).toBe('2026-11-22');
  });

  it('floor to their size', () => {
    const at = parseInstant('2026-11-22T10:29:59.999999Z') as number;
    expect(formatInstant(floorToMinutes(at, 15))).toBe('2026-11-22T10:15:00.000000Z');
    expect(formatInstant(floorToMinutes(at, 1))).toBe('2026-11-22T10:29:00.000000Z');
  });
});

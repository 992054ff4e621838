// What a range may look like, and what it means.
import { describe, expect, it } from 'vitest';
import type { FieldViolation } from '../../../../src/domain/failure.js';
import type { Granularity } from '../../../../src/domain/time/calendar.js';
import { formatInstant, parseInstant } from '../../../../src/domain/time/instant.js';
import { readRange, retainedFrom } from '../../../../src/domain/time/range.js';

const now = parseInstant('2026-11-22T12:00:00Z') as number;
const rules = { grainMinutes: 15, retainedFrom: retainedFrom(now, 800) };

function read(start: string, end: string, timeZone = '', granularity: Granularity = 'total') {
  const violations: FieldViolation[] = [];
  const range = readRange({ start, end, timeZone, granularity }, rules, violations);
  return {
    range: range && [formatInstant(range.start), formatInstant(range.end), range.zone],
    fields: violations.map((violation) => violation.field),
  };
}

describe('a bound', () => {
  it.each([
    '',
    ' 2026-11-01',
    '2026-11-01 ',
    "2025-01-01'; DROP TABLE x--",
    '22/11/2025',
    '1',
    '2025',
    '2025-11',
    '20251101',
    '2026-02-30',
    '2026-02-29',
    '2026-02-30T00:00:00Z',
    '2026-11-01T24:00:00Z',
    '2026-11-01T23:59:60Z',
    '2026-11-01T00:00:00',
    '2026-11-01T00:00Z',
    '2026-11-01t00:00:00z',
    '2026-11-01 00:00:00Z',
    '2026-11-01T00:00:00+0530',
    '2026-11-01T00:00:00-00:00',
    '2026-11-01T00:00:00+24:00',
    '2026-11-01T00:00:00.Z',
    '2026-11-01T00:00:00[UTC]',
    '２０２６-11-01',
    '2026-11-0１',
    '+275760-09-13T00:00:00Z',
    '2026-11-01\u0000',
    '2026-11-01\n',
    '9999-12-31',
  ])('%j is refused by name', (text) => {
    expect(read(text, '2026-11-20').fields).toEqual(['range.start']);
    expect(read('2026-11-20', text).fields).toEqual(['range.end']);
  });

  it('is floored at the start and raised at the end to the base grain', () => {
    expect(read('2026-11-01T10:14:59.999999Z', '2026-11-01T10:15:00.000001Z').range).toEqual([
      '2026-11-01T10:00:00.000000Z',
      '2026-11-01T10:30:00.000000Z',
      'UTC',
    ]);
    expect(read('2026-11-01T10:15:00Z', '2026-11-01T10:30:00Z').range?.slice(0, 2)).toEqual([
      '2026-11-01T10:15:00.000000Z',
      '2026-11-01T10:30:00.000000Z',
    ]);
  });

  it('is read with its own offset, a civil date in the time zone', () => {
    expect(read('2026-11-01T00:00:00+05:45', '2026-11-02', 'Asia/Kathmandu').range).toEqual([
      '2026-10-31T18:15:00.000000Z',
      '2026-11-01T18:15:00.000000Z',
      'Asia/Kathmandu',
    ]);
  });
});

describe('a time zone', () => {
  it.each(['Mars/Phobos', '+05:30', 'Z', 'Europe/London ', 'Europe//London', "'; --", '\u0000'])(
    '%j is refused',
    (zone) => {
      expect(read('2026-11-01', '2026-11-02', zone).fields).toEqual(['time_zone']);
    },
  );

  it('is answered in its own spelling, and UTC where it is not given', () => {
    expect(read('2026-11-01', '2026-11-02', 'europe/london').range?.[2]).toBe('Europe/London');
    expect(read('2026-11-01', '2026-11-02').range?.[2]).toBe('UTC');
  });
});

describe('a range', () => {
  it('reports every wrong field at once', () => {
    expect(read('x', 'y', 'z').fields).toEqual(['time_zone', 'range.start', 'range.end']);
  });

  it('hides no fault behind another', () => {
    expect(read('2026-11-12T00:00:00Z', '2026-11-10T00:00:00Z', 'q').fields).toEqual([
      'time_zone',
      'range.end',
    ]);
    expect(read('2000-01-01', 'x').fields).toEqual(['range.end', 'range.start']);
  });

  it('must not be empty or reversed', () => {
    expect(read('2026-11-01', '2026-11-01').fields).toEqual(['range.end']);
    expect(read('2026-11-02', '2026-11-01').fields).toEqual(['range.end']);
  });

  it.each<[Granularity, string, string]>([
    ['minute', '2026-11-02T00:00:00Z', '2026-11-02T00:00:01Z'],
    ['quarter_hour', '2026-11-08T00:00:00Z', '2026-11-08T00:00:01Z'],
    ['hour', '2026-12-02T00:00:00Z', '2026-12-02T00:00:01Z'],
    ['day', '2027-12-06T00:00:00Z', '2027-12-06T00:00:01Z'],
    ['month', '2027-12-06T00:00:00Z', '2027-12-06T00:00:01Z'],
    ['total', '2027-12-06T00:00:00Z', '2027-12-06T00:00:01Z'],
  ])('has a cap at %s', (granularity, longest, tooLong) => {
    expect(read('2026-11-01T00:00:00Z', longest, '', granularity).fields).toEqual([]);
    expect(read('2026-11-01T00:00:00Z', tooLong, '', granularity).fields).toEqual(['range']);
  });

  it('has a cap in local days, of which one may have 25 hours', () => {
    const [start, end] = ['2026-10-26', '2026-11-02'];
    expect(read(start, end, 'America/New_York', 'quarter_hour').fields).toEqual([]);
    expect(read(start, '2026-11-02T05:15:00Z', 'America/New_York', 'quarter_hour').fields).toEqual([
      'range',
    ]);
  });

  it('must be retained', () => {
    // 800 days before 22 November 2026 is 13 September 2024.
    expect(read('2024-09-13', '2024-09-14').fields).toEqual([]);
    expect(read('2024-09-12T23:59:59Z', '2024-09-14').fields).toEqual(['range.start']);
    expect(read('0001-01-01', '2024-09-14').fields).toEqual(['range', 'range.start']);
  });
});

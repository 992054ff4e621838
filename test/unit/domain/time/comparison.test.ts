// Earlier periods by the local calendar, worked out by hand.
import { describe, expect, it } from 'vitest';
import {
  type Compare,
  earlierPeriod,
  elapsedParts,
  percentChange,
  pointsChange,
} from '../../../../src/domain/time/comparison.js';
import { formatInstant, parseInstant } from '../../../../src/domain/time/instant.js';
import { type TimeZone, timeZoneOf } from '../../../../src/domain/time/time-zone.js';

const at = (text: string) => parseInstant(text) as number;
const text = (range: { start: number; end: number }) =>
  [range.start, range.end].map((instant) => formatInstant(instant).replace(':00.000000Z', 'Z'));

function earlier(zone: string, start: string, end: string, compare: Compare): string[] {
  const range = { start: at(start), end: at(end) };
  return text(earlierPeriod(range, compare, timeZoneOf(zone) as TimeZone));
}

describe('the previous period', () => {
  it('is as many local days where both ends are local midnights', () => {
    // New York, 8 to 10 March 2026 (47 hours): 6 to 8 March (48 hours).
    expect(
      earlier(
        'America/New_York',
        '2026-03-08T05:00:00Z',
        '2026-03-10T04:00:00Z',
        'previous_period',
      ),
    ).toEqual(['2026-03-06T05:00Z', '2026-03-08T05:00Z']);
  });

  it('is as long where an end is not a local midnight', () => {
    expect(
      earlier(
        'America/New_York',
        '2026-03-08T05:00:00Z',
        '2026-03-10T03:00:00Z',
        'previous_period',
      ),
    ).toEqual(['2026-03-06T07:00Z', '2026-03-08T05:00Z']);
  });
});

describe('the previous week', () => {
  it('has the same local times on the other side of a change', () => {
    // London, 30 March 2026 09:00 to 17:00 BST: 23 March 09:00 to 17:00 GMT.
    expect(
      earlier('Europe/London', '2026-03-30T08:00:00Z', '2026-03-30T16:00:00Z', 'previous_week'),
    ).toEqual(['2026-03-23T09:00Z', '2026-03-23T17:00Z']);
  });

  it('moves a local time that is skipped to after the gap', () => {
    // New York, 15 March 02:30 EDT: 8 March 02:30 does not exist, 03:30 EDT is meant.
    expect(
      earlier('America/New_York', '2026-03-15T06:30:00Z', '2026-03-15T08:00:00Z', 'previous_week'),
    ).toEqual(['2026-03-08T07:30Z', '2026-03-08T08:00Z']);
  });

  it('is as long as the range where the clocks leave nothing of it', () => {
    // New York, 15 March 02:30 to 03:00 EDT: on 8 March 02:30 is 03:30 EDT, after 03:00 EDT.
    expect(
      earlier('America/New_York', '2026-03-15T06:30:00Z', '2026-03-15T07:00:00Z', 'previous_week'),
    ).toEqual(['2026-03-08T07:30Z', '2026-03-08T08:00Z']);
    // 02:15 to 03:15 EDT: 03:15 EDT to 03:15 EDT.
    expect(
      earlier('America/New_York', '2026-03-15T06:15:00Z', '2026-03-15T07:15:00Z', 'previous_week'),
    ).toEqual(['2026-03-08T07:15Z', '2026-03-08T08:15Z']);
    // 1 November, the first hour from 01:00 (EDT) to the second 01:00 (EST): on 25 October one
    // instant.
    expect(
      earlier('America/New_York', '2026-11-01T05:00:00Z', '2026-11-01T06:00:00Z', 'previous_week'),
    ).toEqual(['2026-10-25T05:00Z', '2026-10-25T06:00Z']);
  });
});

describe('the previous year', () => {
  it('answers 29 February with 28 February', () => {
    expect(earlier('UTC', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z', 'previous_year')).toEqual(
      ['2023-02-28T00:00Z', '2023-03-01T00:00Z'],
    );
  });

  it('ends with 28 February where the range does, though the next day is the 29th', () => {
    // 28 February 2028 alone, and the week that ends with it.
    expect(earlier('UTC', '2028-02-28T00:00:00Z', '2028-02-29T00:00:00Z', 'previous_year')).toEqual(
      ['2027-02-28T00:00Z', '2027-03-01T00:00Z'],
    );
    expect(earlier('UTC', '2028-02-22T00:00:00Z', '2028-02-29T00:00:00Z', 'previous_year')).toEqual(
      ['2027-02-22T00:00Z', '2027-03-01T00:00Z'],
    );
    // Kathmandu (+05:45): local midnight is 18:15Z of the day before.
    expect(
      earlier('Asia/Kathmandu', '2028-02-27T18:15:00Z', '2028-02-28T18:15:00Z', 'previous_year'),
    ).toEqual(['2027-02-27T18:15Z', '2027-02-28T18:15Z']);
  });

  it('ends at the same time of 28 February where the range ends on the 29th', () => {
    expect(earlier('UTC', '2028-02-28T12:00:00Z', '2028-02-29T12:00:00Z', 'previous_year')).toEqual(
      // 28 February 12:00 to 28 February 12:00 is nothing: as long as the range.
      ['2027-02-28T12:00Z', '2027-03-01T12:00Z'],
    );
    expect(earlier('UTC', '2028-02-27T12:00:00Z', '2028-02-29T12:00:00Z', 'previous_year')).toEqual(
      ['2027-02-27T12:00Z', '2027-02-28T12:00Z'],
    );
  });

  it('has its own leap day where only that year has one', () => {
    expect(earlier('UTC', '2029-02-01T00:00:00Z', '2029-03-01T00:00:00Z', 'previous_year')).toEqual(
      ['2028-02-01T00:00Z', '2028-03-01T00:00Z'],
    );
  });

  it('keeps the local dates', () => {
    expect(
      earlier('Asia/Kathmandu', '2025-12-31T18:15:00Z', '2026-01-31T18:15:00Z', 'previous_year'),
    ).toEqual(['2024-12-31T18:15Z', '2025-01-31T18:15Z']);
  });
});

describe('the elapsed parts', () => {
  const range = { start: at('2026-11-22T00:00:00Z'), end: at('2026-11-23T00:00:00Z') };
  const before = { start: at('2026-11-21T00:00:00Z'), end: at('2026-11-22T00:00:00Z') };

  it('are the whole cells up to data_as_of, and as long a part of the earlier period', () => {
    const parts = elapsedParts(range, before, at('2026-11-22T10:44:59Z'), 15);
    expect(text(parts.current)).toEqual(['2026-11-22T00:00Z', '2026-11-22T10:30Z']);
    expect(text(parts.earlier)).toEqual(['2026-11-21T00:00Z', '2026-11-21T10:30Z']);
  });

  it('are both whole where the range is over, and both empty where it has not begun', () => {
    expect(elapsedParts(range, before, range.end, 15)).toEqual({ current: range, earlier: before });
    const parts = elapsedParts(range, before, range.start - 1, 15);
    expect(parts.current).toEqual({ start: range.start, end: range.start });
    expect(parts.earlier).toEqual({ start: before.start, end: before.start });
  });
});

describe('a change', () => {
  it('is in per cent of the earlier value, and absent where that is 0', () => {
    expect(percentChange(150n, 100n)).toBe(50);
    expect(percentChange(0n, 8n)).toBe(-100);
    expect(percentChange(5n, 0n)).toBeUndefined();
    expect(percentChange(5n, -10n)).toBe(150);
  });

  it('is in points between rates, and absent where one is', () => {
    expect(pointsChange({ value: 0.75 }, { value: 0.5 })).toBe(25);
    expect(pointsChange({ value: 0.5 }, { value: 0 })).toBe(50);
    expect(pointsChange({ value: 0.5 }, undefined)).toBeUndefined();
    expect(pointsChange(undefined, { value: 0.5 })).toBeUndefined();
  });
});

// Buckets of the local calendar, worked out by hand from the published rules of each zone.
import { describe, expect, it } from 'vitest';
import {
  bucketEdges,
  type Granularity,
  type WeekStart,
} from '../../../../src/domain/time/calendar.js';
import {
  formatInstant,
  MICROS_PER_HOUR,
  parseInstant,
} from '../../../../src/domain/time/instant.js';
import { type TimeZone, timeZoneOf } from '../../../../src/domain/time/time-zone.js';

const at = (text: string) => parseInstant(text) as number;

function edges(
  zone: string,
  start: string,
  end: string,
  granularity: Granularity,
  weekStart?: WeekStart,
): string[] {
  const range = { start: at(start), end: at(end) };
  return bucketEdges(range, granularity, timeZoneOf(zone) as TimeZone, weekStart).map((edge) =>
    formatInstant(edge).replace(':00.000000Z', 'Z'),
  );
}

function hours(zone: string, start: string, end: string, granularity: Granularity): number[] {
  const list = bucketEdges(
    { start: at(start), end: at(end) },
    granularity,
    timeZoneOf(zone) as TimeZone,
  );
  return list.slice(1).map((edge, i) => (edge - (list[i] as number)) / MICROS_PER_HOUR);
}

describe('zones with sub-hour offsets', () => {
  it('starts a day of Kabul (+04:30) at 19:30 UTC', () => {
    expect(edges('Asia/Kabul', '2026-03-09T19:30:00Z', '2026-03-11T19:30:00Z', 'day')).toEqual([
      '2026-03-09T19:30Z',
      '2026-03-10T19:30Z',
      '2026-03-11T19:30Z',
    ]);
  });

  it('starts an hour of Kathmandu (+05:45) at a quarter past in UTC', () => {
    expect(edges('Asia/Kathmandu', '2026-03-09T18:15:00Z', '2026-03-09T21:00:00Z', 'hour')).toEqual(
      [
        '2026-03-09T18:15Z', // 00:00
        '2026-03-09T19:15Z', // 01:00
        '2026-03-09T20:15Z', // 02:00
        '2026-03-09T21:00Z', // 02:45, the end of the range
      ],
    );
  });
});

describe('daylight-saving changes', () => {
  it('gives New York 23 hours on 8 March and 25 on 1 November 2026', () => {
    expect(
      hours('America/New_York', '2026-03-07T05:00:00Z', '2026-03-10T04:00:00Z', 'day'),
    ).toEqual([24, 23, 24]);
    expect(
      hours('America/New_York', '2026-10-31T04:00:00Z', '2026-11-03T05:00:00Z', 'day'),
    ).toEqual([24, 25, 24]);
  });

  it('gives London 23 hours on 29 March and 25 on 25 October 2026', () => {
    expect(hours('Europe/London', '2026-03-28T00:00:00Z', '2026-03-30T23:00:00Z', 'day')).toEqual([
      24, 23, 24,
    ]);
    expect(hours('Europe/London', '2026-10-23T23:00:00Z', '2026-10-27T00:00:00Z', 'day')).toEqual([
      24, 25, 24,
    ]);
  });

  it('answers each of two equal local hours on its own', () => {
    // 01:00 EDT, 01:00 EST, 02:00 EST
    expect(
      edges('America/New_York', '2026-11-01T05:00:00Z', '2026-11-01T08:00:00Z', 'hour'),
    ).toEqual(['2026-11-01T05:00Z', '2026-11-01T06:00Z', '2026-11-01T07:00Z', '2026-11-01T08:00Z']);
  });

  it('gives Lord Howe 24.5 hours on 5 April and 23.5 on 4 October 2026', () => {
    // +11 until 5 April 02:00 (4 April 15:00 UTC), +10:30 until 4 October 02:00 (3 October 15:30
    // UTC)
    expect(
      hours('Australia/Lord_Howe', '2026-04-04T13:00:00Z', '2026-04-06T13:30:00Z', 'day'),
    ).toEqual([24.5, 24]);
    expect(
      hours('Australia/Lord_Howe', '2026-10-03T13:30:00Z', '2026-10-05T13:00:00Z', 'day'),
    ).toEqual([23.5, 24]);
  });

  it('cuts the hour of Lord Howe in which the clocks change by half an hour', () => {
    expect(
      edges('Australia/Lord_Howe', '2026-04-04T14:00:00Z', '2026-04-04T16:30:00Z', 'hour'),
    ).toEqual([
      '2026-04-04T14:00Z', // 01:00 +11
      '2026-04-04T15:00Z', // 01:30 +10:30
      '2026-04-04T15:30Z', // 02:00 +10:30
      '2026-04-04T16:30Z', // 03:00 +10:30
    ]);
    expect(
      edges('Australia/Lord_Howe', '2026-10-03T14:30:00Z', '2026-10-03T17:00:00Z', 'hour'),
    ).toEqual([
      '2026-10-03T14:30Z', // 01:00 +10:30
      '2026-10-03T15:30Z', // 02:30 +11
      '2026-10-03T16:00Z', // 03:00 +11
      '2026-10-03T17:00Z', // 04:00 +11
    ]);
  });

  it('starts the day at the end of the gap where midnight is skipped', () => {
    // Santiago, 8 September 2024: 00:00 -04 becomes 01:00 -03 at 04:00 UTC.
    expect(
      edges('America/Santiago', '2024-09-07T04:00:00Z', '2024-09-09T03:00:00Z', 'day'),
    ).toEqual(['2024-09-07T04:00Z', '2024-09-08T04:00Z', '2024-09-09T03:00Z']);
  });

  it('starts the day once where midnight comes twice', () => {
    // Havana, 1 November 2026: 01:00 -04 becomes 00:00 -05 at 05:00 UTC.
    expect(edges('America/Havana', '2026-10-31T04:00:00Z', '2026-11-02T05:00:00Z', 'day')).toEqual([
      '2026-10-31T04:00Z',
      '2026-11-01T04:00Z',
      '2026-11-02T05:00Z',
    ]);
  });
});

describe('calendar periods', () => {
  it('has a 29 February in 2024', () => {
    expect(edges('UTC', '2024-02-28T00:00:00Z', '2024-03-02T00:00:00Z', 'day')).toEqual([
      '2024-02-28T00:00Z',
      '2024-02-29T00:00Z',
      '2024-03-01T00:00Z',
      '2024-03-02T00:00Z',
    ]);
    expect(hours('UTC', '2024-02-01T00:00:00Z', '2024-04-01T00:00:00Z', 'month')).toEqual([
      29 * 24,
      31 * 24,
    ]);
  });

  it('clips months to the range across the turn of a year', () => {
    expect(edges('Asia/Kabul', '2025-11-15T00:00:00Z', '2026-02-10T00:00:00Z', 'month')).toEqual([
      '2025-11-15T00:00Z',
      '2025-11-30T19:30Z',
      '2025-12-31T19:30Z',
      '2026-01-31T19:30Z',
      '2026-02-10T00:00Z',
    ]);
  });

  it('starts a week on the day that was asked for', () => {
    // 22 November 2026 is a Sunday.
    const [start, end] = ['2026-11-18T00:00:00Z', '2026-11-26T00:00:00Z'];
    const inner = (weekStart: WeekStart) =>
      edges('UTC', start, end, 'week', weekStart).slice(1, -1);
    expect(inner('monday')).toEqual(['2026-11-23T00:00Z']);
    expect(inner('saturday')).toEqual(['2026-11-21T00:00Z']);
    expect(inner('sunday')).toEqual(['2026-11-22T00:00Z']);
  });

  it('cuts 24 hours into 1440 minutes and 7 days into 672 quarter hours', () => {
    expect(edges('UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', 'minute')).toHaveLength(
      1441,
    );
    expect(
      edges('Asia/Kathmandu', '2026-01-01T00:00:00Z', '2026-01-08T00:00:00Z', 'quarter_hour'),
    ).toHaveLength(673);
  });

  it('is one bucket for the total', () => {
    expect(edges('UTC', '2026-01-01T00:15:00Z', '2026-01-02T00:00:00Z', 'total')).toHaveLength(2);
  });
});

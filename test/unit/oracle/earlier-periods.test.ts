// The oracle's earlier periods against the domain's, where the calendar is at its worst: around 29
// February and where the clocks change, in zones that change by an hour, by half an hour, at
// midnight, and never.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { earlierPeriod } from '../../../src/domain/time/comparison.js';
import { type TimeZone, timeZoneOf } from '../../../src/domain/time/time-zone.js';
import { earlierSpan } from '../../oracle/calendar.js';

const QUARTER_HOUR = 900_000_000;
const ZONES = ['UTC', 'America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'Africa/Cairo'];
const TURNS = ['2028-02-29', '2026-03-08', '2026-03-29', '2026-04-05', '2026-04-24', '2026-10-25'];
const compares = ['previous_period', 'previous_week', 'previous_year'] as const;

it('agree for ranges that begin and end near a turn of the calendar, and are never empty', () => {
  const question = fc.record({
    zone: fc.constantFrom(...ZONES, 'Asia/Kathmandu'),
    turn: fc.constantFrom(...TURNS, '2026-11-01', '2026-10-30'),
    // From two days before the turn, or a week after such a day; a range of up to ten days.
    from: fc.oneof(fc.integer({ min: -192, max: 192 }), fc.integer({ min: 576, max: 800 })),
    quarterHours: fc.oneof(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 960 }),
      fc.integer({ min: 1, max: 10 }).map((days) => days * 96),
    ),
    compare: fc.constantFrom(...compares),
  });
  fc.assert(
    fc.property(question, ({ zone, turn, from, quarterHours, compare }) => {
      const start = Date.parse(turn) * 1000 + from * QUARTER_HOUR;
      const range = { start, end: start + quarterHours * QUARTER_HOUR };
      const earlier = earlierPeriod(range, compare, timeZoneOf(zone) as TimeZone);
      expect(earlier).toEqual(earlierSpan(range, compares.indexOf(compare) + 1, zone));
      expect(earlier.end).toBeGreaterThan(earlier.start);
      expect(earlier.end % QUARTER_HOUR).toBe(0);
    }),
    { numRuns: 3_000 },
  );
});

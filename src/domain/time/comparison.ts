// The earlier period that an answer is held against, and by how much things have changed since.
import type { InstantRange } from './calendar.js';
import { type EpochMicros, floorToMinutes } from './instant.js';
import { instantOf, isStartOfDay, type TimeZone, zoned } from './time-zone.js';

export type Compare = 'previous_period' | 'previous_week' | 'previous_year';

/**
 * The earlier period; it is never empty. `previous_period` ends where the range starts, and is as
 * many local days where both ends of the range are local midnights, else as long. The other two
 * shift the local times of both ends by seven days or a year: 29 February goes to 28 February, but
 * an end at its midnight to 1 March, so that the 28th is not lost; a local time that is skipped
 * moves later by the gap, and of one that comes twice the first is meant. Where the clocks leave
 * nothing between the two, the period is as long as the range.
 */
export function earlierPeriod(range: InstantRange, compare: Compare, zone: TimeZone): InstantRange {
  switch (compare) {
    case 'previous_period':
      return previousPeriod(range, zone);
    case 'previous_week':
      return shift(range, zone, { days: 7 });
    case 'previous_year':
      return shift(range, zone, { years: 1 });
  }
}

function previousPeriod(range: InstantRange, zone: TimeZone): InstantRange {
  if (!isStartOfDay(range.start, zone) || !isStartOfDay(range.end, zone)) {
    return { start: range.start - (range.end - range.start), end: range.start };
  }
  const first = zoned(range.start, zone).toPlainDate();
  const last = zoned(range.end, zone).toPlainDate();
  const days = first.until(last, { largestUnit: 'day' }).days;
  return { start: instantOf(first.subtract({ days }).toZonedDateTime(zone)), end: range.start };
}

function shift(
  range: InstantRange,
  zone: TimeZone,
  by: { days: number } | { years: number },
): InstantRange {
  const start = instantOf(zoned(range.start, zone).subtract(by));
  const end = shiftedEnd(range.end, zone, by);
  return { start, end: end > start ? end : start + (range.end - range.start) };
}

function shiftedEnd(
  end: EpochMicros,
  zone: TimeZone,
  by: { days: number } | { years: number },
): EpochMicros {
  const local = zoned(end, zone);
  const earlier = local.subtract(by);
  const isLeapMidnight = local.month === 2 && local.day === 29 && isStartOfDay(end, zone);
  // Exclusive: 28 February is the last day that is meant, and the year before a leap year has no
  // 29th.
  return instantOf(
    'years' in by && isLeapMidnight ? earlier.add({ days: 1 }).startOfDay() : earlier,
  );
}

/**
 * The parts of an open range and of its earlier period that can be held against each other fairly:
 * the whole base cells up to `dataAsOf`, and as long a part of the earlier period from its start.
 * A range that is over keeps both whole; one that has not begun has two empty parts.
 */
export function elapsedParts(
  range: InstantRange,
  earlier: InstantRange,
  dataAsOf: EpochMicros,
  grainMinutes: number,
): { current: InstantRange; earlier: InstantRange } {
  if (dataAsOf >= range.end) return { current: range, earlier };
  const cut = Math.max(range.start, floorToMinutes(dataAsOf, grainMinutes));
  const end = Math.min(earlier.end, earlier.start + (cut - range.start));
  return {
    current: { start: range.start, end: cut },
    earlier: { start: earlier.start, end },
  };
}

/**
 * Per cent from `then` to `now`; undefined where `then` is 0. A rise is positive, also from below
 * 0.
 */
export function percentChange(now: bigint, then: bigint): number | undefined {
  if (then === 0n) return undefined;
  return (Number(now - then) / Math.abs(Number(then))) * 100;
}

/** Percentage points from `then` to `now`; undefined where either is. */
export function pointsChange(
  now: { value: number } | undefined,
  then: { value: number } | undefined,
): number | undefined {
  return now && then ? (now.value - then.value) * 100 : undefined;
}

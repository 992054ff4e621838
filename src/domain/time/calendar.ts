// Buckets of a series: where one local quarter hour, hour, day, week or month ends and the next
// begins. Invariant: the edges cover the range without gap or overlap, whatever the clocks do.
import {
  type EpochDay,
  type EpochMicros,
  MICROS_PER_DAY,
  MICROS_PER_HOUR,
  MICROS_PER_MINUTE,
} from './instant.js';
import { type OffsetSpan, offsetSpans, type TimeZone } from './time-zone.js';

export type Granularity = 'total' | 'minute' | 'quarter_hour' | 'hour' | 'day' | 'week' | 'month';
export type WeekStart = 'monday' | 'saturday' | 'sunday';

/** A half-open range of instants. */
export interface InstantRange {
  readonly start: EpochMicros;
  readonly end: EpochMicros;
}

// 1970-01-01 was a Thursday: the first Monday is day 4, the first Saturday 2, the first Sunday 3.
const FIRST_WEEK_DAY: Record<WeekStart, EpochDay> = { monday: 4, saturday: 2, sunday: 3 };

/**
 * The edges of the buckets of `range`, ascending: the range's start, every boundary of the local
 * calendar inside it, and its end; n + 1 edges make n buckets. An hour never spans a change of
 * offset: where the clocks change in the middle of an hour (Lord Howe), that hour is two buckets;
 * where an hour is lived twice, each is its own. A day starts at its first instant. `total` is one
 * bucket.
 */
export function bucketEdges(
  range: InstantRange,
  granularity: Granularity,
  zone: TimeZone,
  weekStart: WeekStart = 'monday',
): EpochMicros[] {
  const edges = [range.start];
  switch (granularity) {
    case 'total':
      break;
    // Every offset is a multiple of 15 minutes, so these are the same in every zone.
    case 'minute':
      addAligned(edges, range, MICROS_PER_MINUTE, 0);
      break;
    case 'quarter_hour':
      addAligned(edges, range, 15 * MICROS_PER_MINUTE, 0);
      break;
    case 'hour':
      for (const span of offsetSpans(range.start, range.end, zone)) {
        if (span.from > range.start) edges.push(span.from);
        addAligned(edges, { start: span.from, end: span.to }, MICROS_PER_HOUR, span.offset);
      }
      break;
    case 'day':
      addPeriods(edges, range, zone, (day) => day);
      break;
    case 'week':
      addPeriods(edges, range, zone, (day) => Math.floor((day - FIRST_WEEK_DAY[weekStart]) / 7));
      break;
    case 'month':
      addPeriods(edges, range, zone, monthOf);
      break;
  }
  edges.push(range.end);
  return edges;
}

/** Adds each instant strictly inside `range` whose local time is a multiple of `size`. */
function addAligned(edges: EpochMicros[], range: InstantRange, size: number, offset: number): void {
  const first = (Math.floor((range.start + offset) / size) + 1) * size - offset;
  for (let edge = first; edge < range.end; edge += size) edges.push(edge);
}

/**
 * Adds each instant inside `range` at which the local day first belongs to a later period. "First"
 * is what makes a midnight that comes twice one edge, and a midnight that is skipped an edge still.
 */
function addPeriods(
  edges: EpochMicros[],
  range: InstantRange,
  zone: TimeZone,
  periodOf: (day: EpochDay) => number,
): void {
  let latest: EpochDay | undefined;
  for (const span of offsetSpans(range.start, range.end, zone)) {
    for (const [day, from] of localDays(span)) {
      if (latest !== undefined && periodOf(day) > periodOf(latest)) edges.push(from);
      if (latest === undefined || day > latest) latest = day;
    }
  }
}

/** The local days that a span touches, each with its first instant in the span. */
function* localDays({ from, to, offset }: OffsetSpan): Generator<[EpochDay, EpochMicros]> {
  const first = Math.floor((from + offset) / MICROS_PER_DAY);
  yield [first, from];
  for (let day = first + 1; day * MICROS_PER_DAY - offset < to; day++) {
    yield [day, day * MICROS_PER_DAY - offset];
  }
}

/** Months since year 0. */
function monthOf(day: EpochDay): number {
  const date = new Date((day * MICROS_PER_DAY) / 1000);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

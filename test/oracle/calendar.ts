// The oracle's calendar: buckets found by walking through the range step by step and asking Intl
// what the clock on the wall says there. Slow, and independent of how the service computes its
// edges.

import { Temporal } from 'temporal-polyfill';
import { Granularity, WeekStart } from '../../src/generated/proto/sms/analytics/v1/common.js';

const MINUTE = 60_000_000;
const DAY = 1440 * MINUTE;

/** A half-open range of instants, in microseconds. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Range text to instants, the start floored and the end raised to the grain. */
export function spanOf(
  range: { start: string; end: string } | undefined,
  timeZone: string,
  grainMinutes: number,
): Span {
  const grain = grainMinutes * MINUTE;
  const at = (text: string): number =>
    text.length === 10
      ? micros(
          Temporal.PlainDate.from(text)
            .toZonedDateTime(timeZone || 'UTC')
            .toInstant(),
        )
      : micros(Temporal.Instant.from(text));
  return {
    start: Math.floor(at(range?.start ?? '') / grain) * grain,
    end: Math.ceil(at(range?.end ?? '') / grain) * grain,
  };
}

function micros(instant: Temporal.Instant): number {
  return Number(instant.epochNanoseconds / 1000n);
}

/** The buckets of the series; none for the total. */
export function bucketsOf(
  span: Span,
  granularity: Granularity,
  timeZone: string,
  weekStart: WeekStart,
  grainMinutes = 15,
): Span[] {
  if (granularity <= Granularity.GRANULARITY_TOTAL) return [];
  const step = grainMinutes * MINUTE;
  const label = labeller(granularity, timeZone || 'UTC', weekStart);
  const edges: number[] = [];
  let latest = Number.NEGATIVE_INFINITY;
  for (let at = span.start; at < span.end; at += step) {
    const here = label(at);
    // A period that the clocks have already left does not begin again.
    if (here > latest) edges.push(at);
    latest = Math.max(latest, here);
  }
  return edges.map((start, index) => ({ start, end: edges[index + 1] ?? span.end }));
}

/** A number that grows whenever a new bucket begins. */
function labeller(
  granularity: Granularity,
  timeZone: string,
  weekStart: WeekStart,
): (at: number) => number {
  const wall = wallClock(timeZone);
  switch (granularity) {
    case Granularity.GRANULARITY_MINUTE:
      return (at) => at;
    case Granularity.GRANULARITY_QUARTER_HOUR:
      return (at) => Math.floor(at / (15 * MINUTE));
    case Granularity.GRANULARITY_HOUR:
      // An hour that is lived twice is two buckets: the start of the local hour, as an instant.
      return (at) => at - (wall(at) % (60 * MINUTE));
    case Granularity.GRANULARITY_DAY:
      return (at) => Math.floor(wall(at) / DAY);
    case Granularity.GRANULARITY_WEEK: {
      // 1970-01-01 was a Thursday.
      const first =
        weekStart === WeekStart.WEEK_START_SUNDAY
          ? 3
          : weekStart === WeekStart.WEEK_START_SATURDAY
            ? 2
            : 4;
      return (at) => Math.floor((Math.floor(wall(at) / DAY) - first) / 7);
    }
    default:
      return (at) => {
        const date = new Date(wall(at) / 1000);
        return date.getUTCFullYear() * 12 + date.getUTCMonth();
      };
  }
}

const wallClocks = new Map<string, (at: number) => number>();

/**
 * What the clock on the wall says, as if it were UTC. It says the same again, so what it said is
 * kept.
 */
function wallClock(timeZone: string): (at: number) => number {
  const known = wallClocks.get(timeZone) ?? newWallClock(timeZone);
  wallClocks.set(timeZone, known);
  return known;
}

function newWallClock(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  const known = new Map<number, number>();
  return (at) => {
    const found = known.get(at);
    if (found !== undefined) return found;
    const [date, time] = format.format(at / 1000).split(' ');
    const wall = Date.parse(`${date}T${time}Z`) * 1000;
    known.set(at, wall);
    return wall;
  };
}

/** The earlier period of a comparison, by what common.proto says of Compare. */
export function earlierSpan(span: Span, compare: number, timeZone: string): Span {
  const zone = timeZone || 'UTC';
  const local = (at: number) =>
    Temporal.Instant.fromEpochMilliseconds(at / 1000).toZonedDateTimeISO(zone);
  const start = local(span.start);
  const end = local(span.end);
  if (compare !== 1) {
    // The wall's date and time, moved back, and read again as what the clocks of that day make of
    // it.
    const moved = (wall: Temporal.PlainDateTime) => micros(wall.toZonedDateTime(zone).toInstant());
    const back = compare === 2 ? { days: 7 } : { years: 1 };
    const from = moved(start.toPlainDateTime().subtract(back));
    const endsBeforeLeapDay =
      compare === 3 && /-02-29T00:00:00$/.test(end.toPlainDateTime().toString());
    const to = endsBeforeLeapDay
      ? moved(Temporal.PlainDateTime.from(`${end.year - 1}-03-01T00:00`))
      : moved(end.toPlainDateTime().subtract(back));
    return { start: from, end: to <= from ? from + span.end - span.start : to };
  }
  const midnights = [start, end].every((at) => at.equals(at.startOfDay()));
  if (!midnights) return { start: span.start - (span.end - span.start), end: span.start };
  const { days } = start.toPlainDate().until(end.toPlainDate(), { largestUnit: 'days' });
  return { start: micros(start.subtract({ days }).toInstant()), end: span.start };
}

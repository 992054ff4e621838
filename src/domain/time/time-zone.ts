// Civil time: from IANA zone names to the offsets that hold in a span. The only file that asks
// Temporal about zones; everything else computes with offsets, which is a hundred times cheaper.
// Invariant: an offset is a multiple of 15 minutes, which holds for every zone since 1972 and is
// checked here, so that a base cell never lies on two local days.
import { Temporal } from 'temporal-polyfill';
import { type EpochMicros, MICROS_PER_DAY, MICROS_PER_MINUTE } from './instant.js';

/** A zone that exists, by its canonically cased IANA name. Made by `timeZoneOf` only. */
export type TimeZone = string & { readonly __brand: 'TimeZone' };

/** A span [from, to) in which local time = UTC + offset. */
export interface OffsetSpan {
  readonly from: EpochMicros;
  readonly to: EpochMicros;
  /** Microseconds east of UTC. */
  readonly offset: number;
}

export const UTC = 'UTC' as TimeZone;

const IANA_NAME = /^[A-Za-z][A-Za-z0-9_+-]{0,31}(?:\/[A-Za-z0-9_+-]{1,31}){0,2}$/;
const MARGIN = 400 * MICROS_PER_DAY;

// Bounded by the number of zones that exist (about 600).
const knownZones = new Map<string, TimeZone>();
const knownSpans = new Map<TimeZone, readonly OffsetSpan[]>();

/**
 * The zone that an IANA name names, or undefined; '' is UTC. An offset such as `+05:30` is no name.
 */
export function timeZoneOf(name: string): TimeZone | undefined {
  if (name === '' || name === 'UTC') return UTC;
  const known = knownZones.get(name);
  if (known !== undefined || !IANA_NAME.test(name)) return known;
  try {
    const zone = zoned(0, name as TimeZone).timeZoneId as TimeZone;
    if (zone === name) knownZones.set(name, zone);
    return zone;
  } catch {
    return undefined;
  }
}

/** `instant`, a whole number of milliseconds, with its local calendar. */
export function zoned(instant: EpochMicros, zone: TimeZone): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instant / 1000).toZonedDateTimeISO(zone);
}

/** The instant of a local calendar reading. */
export function instantOf(local: Temporal.ZonedDateTime): EpochMicros {
  return local.epochMilliseconds * 1000;
}

/**
 * The first instant of a civil date: midnight, or where midnight is skipped, the end of the gap.
 */
export function startOfDate(date: string, zone: TimeZone): EpochMicros {
  return instantOf(Temporal.PlainDate.from(date).toZonedDateTime(zone));
}

/** Whether a local day starts at `instant`. */
export function isStartOfDay(instant: EpochMicros, zone: TimeZone): boolean {
  return instantOf(zoned(instant, zone).startOfDay()) === instant;
}

/** The spans of constant offset that make up [start, end), in order and without gaps. */
export function offsetSpans(start: EpochMicros, end: EpochMicros, zone: TimeZone): OffsetSpan[] {
  let spans = knownSpans.get(zone);
  if (!spans || (spans[0]?.from ?? end) > start || (spans.at(-1)?.to ?? start) < end) {
    spans = findSpans(start - MARGIN, end + MARGIN, zone);
    knownSpans.set(zone, spans);
  }
  const clipped: OffsetSpan[] = [];
  for (const { from, to, offset } of spans) {
    if (to <= start || from >= end) continue;
    clipped.push({ from: Math.max(from, start), to: Math.min(to, end), offset });
  }
  return clipped;
}

function findSpans(start: EpochMicros, end: EpochMicros, zone: TimeZone): OffsetSpan[] {
  const spans: OffsetSpan[] = [];
  let local = zoned(start, zone);
  let from = start;
  while (from < end) {
    const next = local.getTimeZoneTransition('next');
    const to = next === null ? end : Math.min(instantOf(next), end);
    const offset = local.offsetNanoseconds / 1000;
    if (offset % (15 * MICROS_PER_MINUTE) !== 0) {
      throw new RangeError(`${zone}: an offset of ${local.offset} is not a multiple of 15 minutes`);
    }
    const last = spans.at(-1);
    if (last?.offset === offset) spans[spans.length - 1] = { from: last.from, to, offset };
    else spans.push({ from, to, offset });
    if (next === null) break;
    local = next;
    from = to;
  }
  return spans;
}

// From the range of a question, as text, to the instants that the answer covers. Strict: a text
// that could be read in two ways is refused, and all wrong fields are reported at once.

import type { FieldViolation } from '../failure.js';
import type { Granularity, InstantRange } from './calendar.js';
import {
  type EpochMicros,
  floorToMinutes,
  formatInstant,
  MICROS_PER_DAY,
  MICROS_PER_MINUTE,
  parseInstant,
} from './instant.js';
import { instantOf, startOfDate, type TimeZone, timeZoneOf, UTC, zoned } from './time-zone.js';

/** What a question says about its range. */
export interface RangeQuestion {
  /** Absent where the question has no range at all. */
  readonly start: string | undefined;
  readonly end: string | undefined;
  readonly timeZone: string;
  readonly granularity: Granularity;
}

/** What ranges are allowed. */
export interface RangeRules {
  /** Base grain of the question: the start is floored and the end raised to it. */
  readonly grainMinutes: number;
  /** Nothing before this instant is kept. */
  readonly retainedFrom: EpochMicros;
}

/** The range that an answer covers. */
export interface EffectiveRange extends InstantRange {
  readonly zone: TimeZone;
}

/** Contract, section 4: the longest range of each granularity, in days. */
const MAX_DAYS: Record<Granularity, number> = {
  total: 400,
  minute: 1,
  quarter_hour: 7,
  hour: 31,
  day: 400,
  week: 400,
  month: 400,
};

const CIVIL_DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const LAST_INSTANT: EpochMicros = parseInstant('2200-01-01T00:00:00Z') as EpochMicros;

/** The first instant that is kept, `days` before `now`, floored to the UTC day. */
export function retainedFrom(now: EpochMicros, days: number): EpochMicros {
  return floorToMinutes(now - days * MICROS_PER_DAY, 24 * 60);
}

/**
 * The effective range, or every violation found. Adds to `violations` under the fields `time_zone`,
 * `range.start`, `range.end` and `range`; the result is undefined if and only if it added one.
 */
export function readRange(
  question: RangeQuestion,
  rules: RangeRules,
  violations: FieldViolation[],
): EffectiveRange | undefined {
  const before = violations.length;
  const zone = timeZoneOf(question.timeZone);
  if (zone === undefined) {
    violations.push({ field: 'time_zone', description: 'is not the name of an IANA time zone' });
  }
  const start = readBound('range.start', question.start, zone ?? UTC, violations);
  const end = readBound('range.end', question.end, zone ?? UTC, violations);
  if (start !== undefined && end !== undefined) {
    // Without a zone, an instant and a date cannot be compared; two of a kind can.
    const comparable = zone !== undefined || isDate(question.start) === isDate(question.end);
    if (comparable) readLength(start, end, question.granularity, zone ?? UTC, violations);
  }
  const grain = rules.grainMinutes * MICROS_PER_MINUTE;
  const first = start === undefined ? undefined : Math.floor(start / grain) * grain;
  if (first !== undefined && zone !== undefined && first < rules.retainedFrom) {
    const oldest = formatInstant(rules.retainedFrom);
    violations.push({
      field: 'range.start',
      description: `is not retained; the oldest is ${oldest}`,
    });
  }
  if (
    violations.length > before ||
    first === undefined ||
    end === undefined ||
    zone === undefined
  ) {
    return undefined;
  }
  return { start: first, end: Math.ceil(end / grain) * grain, zone };
}

/** Whether the range is one, and not too long for its series. */
function readLength(
  start: EpochMicros,
  end: EpochMicros,
  granularity: RangeQuestion['granularity'],
  zone: TimeZone,
  violations: FieldViolation[],
): void {
  const days = MAX_DAYS[granularity];
  if (start >= end) {
    violations.push({ field: 'range.end', description: 'must be later than range.start' });
  } else if (exceeds(start, end, days, zone)) {
    const longest = days === 1 ? '24 hours' : `${days} days`;
    violations.push({
      field: 'range',
      description: `must not be longer than ${longest} at this granularity`,
    });
  }
}

function isDate(text: string | undefined): boolean {
  return CIVIL_DATE.test(text ?? '');
}

/** The instant that a bound names: an instant with an offset, or the start of a civil date. */
function readBound(
  field: string,
  text: string | undefined,
  zone: TimeZone,
  violations: FieldViolation[],
): EpochMicros | undefined {
  if (text === undefined || text === '') {
    violations.push({ field, description: 'is required' });
    return undefined;
  }
  // RFC 3339 section 4.3: -00:00 says that the offset is unknown, which is no offset.
  const instant = text.endsWith('-00:00')
    ? undefined
    : parseInstant(isDate(text) ? `${text}T00:00:00Z` : text);
  if (instant === undefined) {
    const forms = '2026-11-22T00:00:00Z or 2026-11-22';
    violations.push({
      field,
      description: `must be an instant with an offset or a date: ${forms}`,
    });
    return undefined;
  }
  if (instant >= LAST_INSTANT) {
    violations.push({ field, description: 'must be before the year 2200' });
    return undefined;
  }
  // A year this early is refused as not retained; Temporal need not be asked about its offsets.
  return isDate(text) && instant > 0 ? startOfDate(text, zone) : instant;
}

/**
 * Whether [start, end) is longer than `days`, both by the clock on the wall and by elapsed time.
 */
function exceeds(start: EpochMicros, end: EpochMicros, days: number, zone: TimeZone): boolean {
  if (end - start <= days * MICROS_PER_DAY) return false;
  // A day of 25 hours has more than 24: only the caps in days follow the calendar.
  if (days === 1 || start < 0) return true;
  const wholeMillis = Math.floor(start / 1000) * 1000;
  return end - (start - wholeMillis) > instantOf(zoned(wholeMillis, zone).add({ days }));
}

// Instants as whole microseconds, which is what Postgres stores: nothing is rounded on the way.
// Parsing is strict where `new Date()` is not (it rolls 30 February over and reads full-width
// digits); every timestamp of an event passes through here.

/** Microseconds since 1970-01-01T00:00:00Z; a safe integer up to the year 2255. */
export type EpochMicros = number;

/** Whole UTC days since 1970-01-01. */
export type EpochDay = number;

export const MICROS_PER_SECOND = 1_000_000;
export const MICROS_PER_MINUTE = 60 * MICROS_PER_SECOND;
export const MICROS_PER_HOUR = 60 * MICROS_PER_MINUTE;
export const MICROS_PER_DAY = 24 * MICROS_PER_HOUR;

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** The number that two ASCII digits spell, or NaN. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Days from 1970-01-01 to a proleptic Gregorian date; H. Hinnant, "days_from_civil". */
function daysFromCivil(year: number, month: number, day: number): EpochDay {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** The day that `YYYY-MM-DD` at the start of `text` names, or NaN where there is no such day. */
function parseDay(text: string): EpochDay {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return Number.NaN;
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return Number.NaN;
  const length = month === 2 && isLeapYear(year) ? 29 : (DAYS_IN_MONTH[month - 1] as number);
  return day <= length ? daysFromCivil(year, month, day) : Number.NaN;
}

/** Seconds that the offset at `at`, which must end the text, lies east of UTC, or NaN. */
function parseOffsetSeconds(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if (sign === 0x5a) return text.length === at + 1 ? 0 : Number.NaN;
  if ((sign !== 0x2b && sign !== 0x2d) || text.length !== at + 6) return Number.NaN;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if (text.charCodeAt(at + 3) !== 0x3a || !(hours <= 23 && minutes <= 59)) return Number.NaN;
  return (sign === 0x2d ? -60 : 60) * (hours * 60 + minutes);
}

/**
 * The instant that an RFC 3339 text names, in microseconds (further digits are cut off), or
 * undefined. Accepted is the proto3 JSON form of a Timestamp: upper-case `T` and `Z` or an offset
 * `±HH:MM`, 0 to 9 fractional digits, a day that exists, no second 60, years 1 to 9999 in UTC.
 * Instants that are not safe integers (after 2255 or before 1684) are still ordered rightly.
 */
export function parseInstant(text: string): EpochMicros | undefined {
  if (text.length > LONGEST_TEXT) return undefined;
  const days = parseDay(text);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (text.charCodeAt(10) !== 0x54 || text.charCodeAt(13) !== 0x3a) return undefined;
  if (text.charCodeAt(16) !== 0x3a) return undefined;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  let at = 19;
  let fraction = 0;
  if (text.charCodeAt(at) === 0x2e) {
    const first = ++at;
    for (let unit = 100_000; ; at++, unit = Math.floor(unit / 10)) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      fraction += digit * unit;
    }
    if (at === first || at > first + 9) return undefined;
  }
  const offset = parseOffsetSeconds(text, at);
  return instantOfSeconds(days * 86_400 + hour * 3600 + minute * 60 + second - offset, fraction);
}

const LONGEST_TEXT = 'YYYY-MM-DDTHH:MM:SS.nnnnnnnnn+HH:MM'.length;
const FIRST_SECOND = daysFromCivil(1, 1, 1) * 86_400;
const LAST_SECOND = (daysFromCivil(9999, 12, 31) + 1) * 86_400 - 1;

// Judged by whole seconds, which are exact for all of these years; NaN is refused as well.
function instantOfSeconds(seconds: number, micros: number): EpochMicros | undefined {
  if (!(seconds >= FIRST_SECOND && seconds <= LAST_SECOND)) return undefined;
  return seconds * MICROS_PER_SECOND + micros;
}

/**
 * The instant of a protobuf Timestamp, the nanoseconds cut to microseconds, or undefined where it
 * is outside of the years 1 to 9999 or its nanoseconds outside of 0 to 999,999,999
 * (google/protobuf/timestamp.proto).
 */
export function instantOfTimestamp(seconds: bigint, nanos: number): EpochMicros | undefined {
  if (nanos < 0 || nanos > 999_999_999) return undefined;
  return instantOfSeconds(Number(seconds), Math.floor(nanos / 1000));
}

/** `YYYY-MM-DDTHH:MM:SS.ffffffZ`, exact for every safe `micros` in the years 1684 to 2255. */
export function formatInstant(micros: EpochMicros): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, '0');
  return `${new Date(millis).toISOString().slice(0, -1)}${rest}Z`;
}

/** The UTC day that `micros` falls on. */
export function dayOf(micros: EpochMicros): EpochDay {
  return Math.floor(micros / MICROS_PER_DAY);
}

/** `YYYY-MM-DD`, the text form of a SQL date. */
export function formatDay(day: EpochDay): string {
  return formatInstant(day * MICROS_PER_DAY).slice(0, 10);
}

/** The start of the UTC-aligned bucket of `sizeMinutes` that `micros` falls in. */
export function floorToMinutes(micros: EpochMicros, sizeMinutes: number): EpochMicros {
  const size = sizeMinutes * MICROS_PER_MINUTE;
  return Math.floor(micros / size) * size;
}

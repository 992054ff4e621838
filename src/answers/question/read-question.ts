// What all questions share, read from their protobuf form: range, calendar, comparison, ids, pages.
// Invariant: no statement is issued before every field was judged, and all wrong ones are reported.

import type { FieldViolation } from '../../domain/failure.js';
import { isPartyId } from '../../domain/message/identifiers.js';
import type { Granularity, WeekStart } from '../../domain/time/calendar.js';
import type { Compare } from '../../domain/time/comparison.js';
import { type EffectiveRange, type RangeRules, readRange } from '../../domain/time/range.js';
import {
  Compare as ProtoCompare,
  Granularity as ProtoGranularity,
  WeekStart as ProtoWeekStart,
  type TimeRange,
} from '../../generated/proto/sms/analytics/v1/common.js';

/** A range, and how it is cut and compared. */
export interface PeriodQuestion {
  readonly range: EffectiveRange;
  readonly granularity: Granularity;
  readonly weekStart: WeekStart;
  readonly compare: Compare | undefined;
  readonly compareElapsed: boolean;
}

/** The fields of a request that a PeriodQuestion is read from. */
export interface PeriodFields {
  readonly range: TimeRange | undefined;
  readonly timeZone: string;
  readonly granularity?: ProtoGranularity;
  readonly weekStart?: ProtoWeekStart;
  readonly compare?: ProtoCompare;
  readonly compareElapsed?: boolean;
}

const GRANULARITIES: Partial<Record<ProtoGranularity, Granularity>> = {
  [ProtoGranularity.GRANULARITY_UNSPECIFIED]: 'total',
  [ProtoGranularity.GRANULARITY_TOTAL]: 'total',
  [ProtoGranularity.GRANULARITY_MINUTE]: 'minute',
  [ProtoGranularity.GRANULARITY_QUARTER_HOUR]: 'quarter_hour',
  [ProtoGranularity.GRANULARITY_HOUR]: 'hour',
  [ProtoGranularity.GRANULARITY_DAY]: 'day',
  [ProtoGranularity.GRANULARITY_WEEK]: 'week',
  [ProtoGranularity.GRANULARITY_MONTH]: 'month',
};

const WEEK_STARTS: Partial<Record<ProtoWeekStart, WeekStart>> = {
  [ProtoWeekStart.WEEK_START_UNSPECIFIED]: 'monday',
  [ProtoWeekStart.WEEK_START_MONDAY]: 'monday',
  [ProtoWeekStart.WEEK_START_SATURDAY]: 'saturday',
  [ProtoWeekStart.WEEK_START_SUNDAY]: 'sunday',
};

const COMPARES: Partial<Record<ProtoCompare, Compare | 'none'>> = {
  [ProtoCompare.COMPARE_UNSPECIFIED]: 'none',
  [ProtoCompare.COMPARE_PREVIOUS_PERIOD]: 'previous_period',
  [ProtoCompare.COMPARE_PREVIOUS_WEEK]: 'previous_week',
  [ProtoCompare.COMPARE_PREVIOUS_YEAR]: 'previous_year',
};

/** Undefined where there is no such granularity. */
export function granularityOf(
  asked: ProtoGranularity = ProtoGranularity.GRANULARITY_UNSPECIFIED,
): Granularity | undefined {
  return GRANULARITIES[asked];
}

/**
 * The period, or undefined where a violation was added. Minutes are allowed at a grain of one
 * minute only.
 */
export function readPeriod(
  fields: PeriodFields,
  rules: RangeRules,
  violations: FieldViolation[],
): PeriodQuestion | undefined {
  const before = violations.length;
  let granularity = granularityOf(fields.granularity);
  if (granularity === undefined) {
    violations.push({ field: 'granularity', description: 'is not a known granularity' });
  } else if (granularity === 'minute' && rules.grainMinutes > 1) {
    violations.push({ field: 'granularity', description: 'minutes are for throughput only' });
    granularity = undefined;
  }
  const weekStart = WEEK_STARTS[fields.weekStart ?? ProtoWeekStart.WEEK_START_UNSPECIFIED];
  if (weekStart === undefined) {
    violations.push({ field: 'week_start', description: 'is not a known first day of a week' });
  }
  const compare = COMPARES[fields.compare ?? ProtoCompare.COMPARE_UNSPECIFIED];
  if (compare === undefined) {
    violations.push({ field: 'compare', description: 'is not a known earlier period' });
  }
  const range = readRange(
    {
      start: fields.range?.start,
      end: fields.range?.end,
      timeZone: fields.timeZone,
      granularity: granularity ?? 'total',
    },
    rules,
    violations,
  );
  if (violations.length > before || !range || !granularity || !weekStart) return undefined;
  return {
    range,
    granularity,
    weekStart,
    compare: compare === 'none' ? undefined : compare,
    compareElapsed: fields.compareElapsed ?? false,
  };
}

/** The number of rows of a page: `fallback` for 0, at most `max`; a negative one is a violation. */
export function readPageSize(
  pageSize: number,
  fallback: number,
  max: number,
  violations: FieldViolation[],
): number {
  if (pageSize < 0) violations.push({ field: 'page_size', description: 'must not be negative' });
  return pageSize === 0 ? fallback : Math.min(Math.max(1, pageSize), max);
}

const MAX_IDS = 1000;

/**
 * Adds a violation of `field` unless all of `ids` follow the grammar of ids and are not too many.
 */
export function checkIds(
  field: string,
  ids: readonly string[],
  violations: FieldViolation[],
): void {
  if (ids.length > MAX_IDS) {
    violations.push({ field, description: `must not have more than ${MAX_IDS} values` });
  } else if (!ids.every(isPartyId)) {
    const description = 'must be 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit';
    violations.push({ field, description });
  }
}

/**
 * The periods that a question reads: its own, cut into slots, and the earlier one. A slot lies in one
 * bucket and on one side of the elapsed part, so that one read serves series, totals and comparison.
 */
import { bucketEdges, type InstantRange } from '../domain/calendar.js';
import { earlierPeriod, elapsedParts } from '../domain/comparison.js';
import { BASE_GRAIN_MINUTES } from '../domain/counted.js';
import type { EpochMicros } from '../domain/instant.js';
import { settledThrough } from '../domain/settling.js';
import type { CellRange } from '../store/postgres/cells.js';
import type { AnswerState } from '../store/postgres/select-answer-state.js';
import type { PeriodQuestion } from './read-question.js';

/** How fresh an answer is. */
export interface Freshness {
  readonly state: AnswerState;
  /** data_as_of; the epoch before the first look at the broker, when nothing has settled. */
  readonly dataAsOf: EpochMicros;
  readonly settledThrough: EpochMicros;
}

export function freshnessOf(state: AnswerState, settleHours: number): Freshness {
  const { dataAsOf } = state;
  if (dataAsOf === undefined) return { state, dataAsOf: 0, settledThrough: 0 };
  return { state, dataAsOf, settledThrough: settledThrough(dataAsOf, settleHours) };
}

/** Changes with the data, and with data_as_of, which moves buckets from state to state. */
export function revisionOf({ state, dataAsOf }: Freshness): string {
  return `${state.revision}.${dataAsOf.toString(36)}`;
}

/** What is read for one period. */
export interface Slots extends CellRange {
  /** Where the buckets of the series begin and end, in time order; a total is one. */
  readonly bucketEdges: readonly EpochMicros[];
  /** The bucket that each slot lies in. */
  readonly bucketOf: readonly number[];
  /** How many slots from the first belong to the part that is compared. */
  readonly comparedSlots: number;
}

/** The nth bucket of a period. */
export function bucketAt({ bucketEdges }: Slots, index: number): InstantRange {
  const [start, end] = [bucketEdges[index], bucketEdges[index + 1]] as [EpochMicros, EpochMicros];
  return { start, end };
}

/** The periods of a question. */
export interface Periods {
  readonly current: Slots;
  /** The part of the earlier period that is compared; undefined where not asked for or not retained. */
  readonly earlier: Slots | undefined;
}

/** Cuts a question's own period by its granularity, and finds the earlier one. */
export function planPeriods(
  question: PeriodQuestion,
  fresh: Freshness,
  retainedFrom: EpochMicros,
): Periods {
  const { range, granularity, weekStart, compare } = question;
  const edges = bucketEdges(range, granularity, range.zone, weekStart);
  if (compare === undefined)
    return { current: cutInto(edges, fresh, range.end), earlier: undefined };
  const whole = earlierPeriod(range, compare, range.zone);
  const parts = question.compareElapsed
    ? elapsedParts(range, whole, fresh.dataAsOf, BASE_GRAIN_MINUTES)
    : { current: range, earlier: whole };
  const { start, end } = parts.earlier;
  return {
    current: cutInto(edges, fresh, parts.current.end),
    earlier: start < retainedFrom ? undefined : cutInto([start, end], fresh, end),
  };
}

function cutInto(
  bucketEdges: readonly EpochMicros[],
  fresh: Freshness,
  comparedTo: EpochMicros,
): Slots {
  const edges: EpochMicros[] = [bucketEdges[0] as EpochMicros];
  const bucketOf: number[] = [];
  for (let i = 1; i < bucketEdges.length; i++) {
    const [start, end] = [bucketEdges[i - 1] as EpochMicros, bucketEdges[i] as EpochMicros];
    if (start < comparedTo && comparedTo < end) {
      edges.push(comparedTo);
      bucketOf.push(i - 1);
    }
    edges.push(end);
    bucketOf.push(i - 1);
  }
  return {
    generation: fresh.state.generation,
    settledThrough: fresh.settledThrough,
    edges,
    bucketEdges,
    bucketOf,
    comparedSlots: edges.findIndex((edge) => edge >= comparedTo),
  };
}

/** Something added up over the slots of a period. */
export interface Folded<T> {
  /** By bucket, in order; undefined where nothing was read. */
  readonly buckets: readonly (T | undefined)[];
  readonly total: T;
  /** Over the part that is compared. */
  readonly compared: T;
}

/** Adds up what was read by slot, in any number of parts: by bucket, in all, and over the compared part. */
export function foldSlots<T>(
  slots: Slots,
  parts: Iterable<readonly [slot: number, value: T]>,
  empty: () => T,
  add: (sum: T, more: T) => void,
): Folded<T> {
  const buckets = new Array<T | undefined>(slots.bucketEdges.length - 1);
  const total = empty();
  // Most comparisons are of everything: that is not added up once more.
  const apart = slots.comparedSlots < slots.bucketOf.length;
  const compared = apart ? empty() : total;
  for (const [slot, value] of parts) {
    add(total, value);
    if (apart && slot < slots.comparedSlots) add(compared, value);
    // Most buckets are one part.
    const bucket = slots.bucketOf[slot] as number;
    const before = buckets[bucket];
    if (before === undefined) buckets[bucket] = value;
    else add(before, value);
  }
  return { buckets, total, compared };
}

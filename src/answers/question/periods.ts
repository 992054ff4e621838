// The periods that a question reads: its own, cut into slots, and the earlier one. A slot lies in
// one bucket and on one side of the elapsed part, so that one read serves series, totals and
// comparison.

import { bucketEdges, type InstantRange } from '../../domain/time/calendar.js';
import { earlierPeriod, elapsedParts } from '../../domain/time/comparison.js';
import type { EpochMicros } from '../../domain/time/instant.js';
import { settledThrough } from '../../domain/time/settling.js';
import type { CellRange } from '../../rollups/cells.js';
import { BASE_GRAIN_MINUTES } from '../../rollups/grains.js';
import type { AnswerState } from '../freshness/select-answer-state.js';
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

/**
 * Changes with the data, and with data_as_of and settled_through, which move buckets from state to
 * state.
 */
export function revisionOf({ state, dataAsOf, settledThrough }: Freshness): string {
  return `${state.revision}.${dataAsOf.toString(36)}.${settledThrough.toString(36)}`;
}

/** What is read for one period: its buckets, of which at most one is two slots. */
export interface Slots extends CellRange {
  /** Where the buckets of the series begin and end, in time order; a total is one. */
  readonly bucketEdges: readonly EpochMicros[];
  /**
   * How many slots from the first lie before the cut: the part that is compared, or has elapsed. A
   * bucket may be cut behind them.
   */
  readonly slotsBeforeCut: number;
}

/** The slot that a bucket begins with; the next bucket's is where it ends. */
export function firstSlotOf({ edges, bucketEdges, slotsBeforeCut }: Slots, bucket: number): number {
  return edges === bucketEdges || bucket < slotsBeforeCut ? bucket : bucket + 1;
}

/** The nth bucket of a period. */
export function bucketAt({ bucketEdges }: Slots, index: number): InstantRange {
  return { start: bucketEdges[index] as EpochMicros, end: bucketEdges[index + 1] as EpochMicros };
}

/** The periods of a question. */
export interface Periods {
  readonly current: Slots;
  /**
   * The part of the earlier period that is compared; undefined where not asked for or not retained.
   */
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

/** Cuts a question's own period by its granularity, and at `elapsedTo`. */
export function planElapsed(
  question: PeriodQuestion,
  fresh: Freshness,
  elapsedTo: EpochMicros,
): Slots {
  const { range, granularity, weekStart } = question;
  const edges = bucketEdges(range, granularity, range.zone, weekStart);
  return cutInto(edges, fresh, Math.min(elapsedTo, range.end));
}

/** `cutAt` is not behind the last edge; before the first, nothing is cut. */
function cutInto(bucketEdges: readonly EpochMicros[], fresh: Freshness, cutAt: EpochMicros): Slots {
  const slotsBeforeCut = bucketEdges.findIndex((edge) => edge >= cutAt);
  const isCut = slotsBeforeCut > 0 && bucketEdges[slotsBeforeCut] !== cutAt;
  return {
    generation: fresh.state.generation,
    settledThrough: fresh.settledThrough,
    edges: isCut ? bucketEdges.toSpliced(slotsBeforeCut, 0, cutAt) : bucketEdges,
    bucketEdges,
    slotsBeforeCut,
  };
}

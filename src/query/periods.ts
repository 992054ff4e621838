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

/** How parts are added up. */
export interface Adding<Sum, Part> {
  none(): Sum;
  /** The sum of one part alone, which may be made of it: nobody else has it. */
  of(part: Part): Sum;
  /** Adds a copy of `part` to `sum`, in place. */
  add(sum: Sum, part: Part): void;
}

/** Something added up over the slots of a period, in any number of parts. */
export interface Folded<Sum> {
  /** By bucket, in order; undefined where there was nothing. */
  readonly buckets: readonly (Sum | undefined)[];
  readonly total: Sum;
  /** Over the part that is compared. */
  readonly compared: Sum;
}

/** Adds up what `read` gives to the function that it is called with. */
export function foldSlots<Sum, Part>(
  { bucketOf, bucketEdges, comparedSlots }: Slots,
  { none, of, add }: Adding<Sum, Part>,
  read: (each: (slot: number, part: Part) => void) => void,
): Folded<Sum> {
  const buckets = new Array<Sum | undefined>(bucketEdges.length - 1);
  const total = none();
  // Most comparisons are of everything: that is not added up once more.
  const apart = comparedSlots < bucketOf.length;
  const compared = apart ? none() : total;
  read((slot, part) => {
    add(total, part);
    if (apart && slot < comparedSlots) add(compared, part);
    // Most buckets are one part.
    const bucket = bucketOf[slot] as number;
    const sum = buckets[bucket];
    if (sum === undefined) buckets[bucket] = of(part);
    else add(sum, part);
  });
  return { buckets, total, compared };
}

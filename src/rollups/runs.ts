// Which cells a range is read of: runs of cells of one size that tile it. The cost of a statement
// is that of its cells, so a run takes the coarsest cells that fit.
import { type EpochMicros, MICROS_PER_DAY, MICROS_PER_MINUTE } from '../domain/time/instant.js';
import { type Run, tile } from '../domain/time/tiling.js';
import type { CellRange } from './cells.js';
import {
  ACCOUNT_GRAINS_MINUTES,
  BASE_GRAIN_MINUTES,
  DAY_MINUTES,
  PLATFORM_GRAINS_MINUTES,
} from './grains.js';

/** Sizes of cells in minutes, coarsest first. */
export const PLATFORM_GRAINS: readonly number[] = [...PLATFORM_GRAINS_MINUTES].reverse();
export const BASE_GRAIN: readonly number[] = [BASE_GRAIN_MINUTES];
const ACCOUNT_GRAINS: readonly number[] = [...ACCOUNT_GRAINS_MINUTES].reverse();
/** Of outcome_account_day, and where a day is not added up, of outcome_account. */
const DAY_GRAINS: readonly number[] = [DAY_MINUTES, BASE_GRAIN_MINUTES];

/** Which cells are read of a range. */
export interface Cut {
  /** PLATFORM_GRAINS where nothing else is said. */
  readonly grains?: readonly number[];
  /** No run crosses the settled boundary. */
  readonly settles?: boolean;
  /** Only these slots, each by itself; all of them where nothing is said. */
  readonly slots?: readonly number[] | undefined;
}

/** The runs of cells that tile a range. */
export function runsOf(range: CellRange, cut: Cut = {}): Run[] {
  const { grains = PLATFORM_GRAINS, settles = false, slots } = cut;
  const parts = slots === undefined ? [range.edges] : edgesOf(range, slots);
  return parts.flatMap((edges) => tile(settles ? settledCut(edges, range) : edges, grains));
}

/** A slot that is one cell: a quarter of an hour, an hour or a day. */
export function runOf({ edges }: CellRange, slot: number): Run {
  const [from, to] = edges.slice(slot, slot + 2) as [EpochMicros, EpochMicros];
  return { grainMinutes: (to - from) / MICROS_PER_MINUTE, from, to };
}

/**
 * The edges of some slots, ascending; slots that follow each other are one part, as one run is
 * found faster than many.
 */
export function edgesOf(
  { edges }: Pick<CellRange, 'edges'>,
  slots: readonly number[],
): EpochMicros[][] {
  const parts: EpochMicros[][] = [];
  let next = -1;
  for (const slot of slots) {
    const [from, to] = edges.slice(slot, slot + 2) as [EpochMicros, EpochMicros];
    if (slot === next) parts.at(-1)?.push(to);
    else parts.push([from, to]);
    next = slot + 1;
  }
  return parts;
}

/**
 * The runs of every account: whole UTC days, each by itself, and the quarters of an hour before,
 * between and after them.
 */
export function dayRuns(range: CellRange): { days: EpochMicros[]; quarters: Run[] } {
  const runs = runsOf(range, { grains: DAY_GRAINS, settles: true });
  const ofDays = runs.filter((run) => run.grainMinutes === DAY_MINUTES);
  return {
    days: ofDays.flatMap(({ from, to }) => daysIn(from, to)),
    quarters: runs.filter((run) => run.grainMinutes === BASE_GRAIN_MINUTES),
  };
}

/**
 * The runs of an account: those that it has sums of, and quarters of an hour that no hour of the
 * series holds.
 */
export function accountRuns(range: CellRange): { hours: Run[]; quarters: Run[] } {
  const runs = runsOf(range, { grains: ACCOUNT_GRAINS, settles: true });
  return {
    hours: runs.filter((run) => run.grainMinutes > BASE_GRAIN_MINUTES),
    quarters: runs.filter((run) => run.grainMinutes === BASE_GRAIN_MINUTES),
  };
}

function daysIn(from: EpochMicros, to: EpochMicros): EpochMicros[] {
  return Array.from({ length: (to - from) / MICROS_PER_DAY }, (_, i) => from + i * MICROS_PER_DAY);
}

function settledCut(
  edges: readonly EpochMicros[],
  { settledThrough }: CellRange,
): readonly EpochMicros[] {
  const cut = edges.findIndex((edge) => edge >= settledThrough);
  if (cut <= 0 || edges[cut] === settledThrough) return edges;
  return [...edges.slice(0, cut), settledThrough, ...edges.slice(cut)];
}

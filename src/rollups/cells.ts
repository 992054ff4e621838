// How every rollup is read: the runs of cells that tile a series, each cell counted in the slot
// that it lies in. Slots are instants computed beforehand, so that time zones need no SQL; the cost
// is that of the cells, which depends on the points asked for. Fragments here are constants, never
// input.
import { BASE_GRAIN_MINUTES } from '../domain/measures/counted.js';
import {
  dayOf,
  type EpochMicros,
  formatDay,
  formatInstant,
  MICROS_PER_DAY,
  MICROS_PER_MINUTE,
} from '../domain/time/instant.js';
import { type Run, tile } from '../domain/time/tiling.js';
import { ACCOUNT_GRAINS_MINUTES, DAY_MINUTES, PLATFORM_GRAINS_MINUTES } from './grains.js';

/** Sizes of cells in minutes, coarsest first. */
const ACCOUNT_GRAINS: readonly number[] = [...ACCOUNT_GRAINS_MINUTES].reverse();

/** Of outcome_account_day, account_usage_day and day_version. */
export { DAY_MINUTES };

/** Of outcome_account_day, and where a day is not added up, of outcome_account. */
const DAY_GRAINS: readonly number[] = [DAY_MINUTES, BASE_GRAIN_MINUTES];
export const PLATFORM_GRAINS: readonly number[] = [...PLATFORM_GRAINS_MINUTES].reverse();
export const BASE_GRAIN: readonly number[] = [BASE_GRAIN_MINUTES];

/** The rollups that are read by cells. */
type Rollup =
  | 'outcome_account'
  | 'outcome_account_day'
  | 'account_outcome_sum'
  | 'outcome_platform'
  | 'outcome_sum'
  | 'money_account'
  | 'account_money_sum'
  | 'money_sum'
  | 'latency_histogram';

/**
 * What is read: cells of a generation, from edges[0] to the last edge, each slot between two edges.
 */
export interface CellRange {
  readonly generation: number;
  /** Ascending, at least two, on the base grain. */
  readonly edges: readonly EpochMicros[];
  /** Pending messages of cells that end by this instant are answered as UNKNOWN, NO_RECEIPT. */
  readonly settledThrough: EpochMicros;
}

/**
 * `FROM` the cells of a rollup, as `cell` with its measures; takes the parameters $1 to $4, which
 * `cellValues` makes, and those of `where`; `runs` are others than $2 to $4. LATERAL with OFFSET 0
 * is a fence: the planner cannot know how narrow the runs are, and as a plain join it read whole
 * tables (2 s where this takes 20 ms).
 */
export function fromCells(rollup: Rollup, where?: string, runs = ['$2', '$3', '$4']): string {
  return `FROM ${runsIn(runs)}
        ${cellsOfRuns(rollup, where)}`;
}

/** The runs in three parameters. */
function runsIn([grains, starts, ends]: readonly string[]): string {
  return `unnest(${grains}::smallint[], ${starts}::timestamptz[], ${ends}::timestamptz[])
                AS run (grain_minutes, starts_at, ends_at)`;
}

/** Those of `cellValues`. */
export const RUNS = runsIn(['$2', '$3', '$4']);

/** What `fromCells` has behind the runs, for runs that come from elsewhere as `run`. */
export function cellsOfRuns(rollup: Rollup, where?: string): string {
  return `CROSS JOIN LATERAL (
          SELECT *
            FROM ${rollup} AS cell
           WHERE cell.generation = $1
             AND cell.grain_minutes = run.grain_minutes
             AND cell.bucket >= run.starts_at
             AND cell.bucket < run.ends_at
             ${where === undefined ? '' : `AND ${where}`}
          OFFSET 0) AS cell`;
}

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

/** The parameters of `fromCells`. */
export function cellValues(range: CellRange, runs: readonly Run[]): unknown[] {
  return [range.generation, ...runValues(runs)];
}

/** The parameters of `runs` in `fromCells`. */
export function runValues(runs: readonly Run[]): unknown[] {
  return [
    runs.map((run) => run.grainMinutes),
    instants(runs.map((run) => run.from)),
    instants(runs.map((run) => run.to)),
  ];
}

const edgeTexts = new WeakMap<object, string>();

/** An array of instants, whole minutes, as Postgres reads it. */
export function instants(list: readonly EpochMicros[]): string {
  let day = Number.NaN;
  let date = '';
  const texts = list.map((instant) => {
    const own = dayOf(instant);
    if (own !== day) {
      day = own;
      date = formatDay(own);
    }
    const minute = (instant - own * MICROS_PER_DAY) / MICROS_PER_MINUTE;
    const [hours, minutes] = [Math.floor(minute / 60), minute % 60];
    return `${date} ${hours < 10 ? '0' : ''}${hours}:${minutes < 10 ? '0' : ''}${minutes}Z`;
  });
  return `{${texts.join(',')}}`;
}

/** The messages of a cell that counts each outcome in a column of its own. */
export const MESSAGES_OF_SUMS = `(cell.pending + cell.delivered + cell.undeliverable + cell.expired + cell.rejected
            + cell.deleted + cell.unknown)`;

/** The slot of a cell, counted from 1; `edges` is the parameter of `edgesValue`. */
export function slotBy(edges: `$${number}`): string {
  return `width_bucket(cell.bucket, ${edges}::timestamptz[])`;
}

/**
 * When a cell begins, in minutes since 1970; date_part is exact here and takes half the time of
 * extract, which is numeric.
 */
export const CELL_MINUTE = `date_part('epoch', cell.bucket)::bigint / 60`;

/**
 * A function from CELL_MINUTE to the slot of the cell, from 0. Cells mostly come in order, each in
 * the slot behind the one before.
 */
export function slotFinder({ edges }: Pick<CellRange, 'edges'>): (minute: number) => number {
  let next = 0;
  return (minute) => {
    const at = minute * MICROS_PER_MINUTE;
    let low = next;
    if (!((edges[low] as number) <= at && at < (edges[low + 1] as number))) {
      low = 0;
      let high = edges.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if ((edges[middle] as number) <= at) low = middle;
        else high = middle;
      }
    }
    next = low + 1;
    return low;
  };
}

/**
 * Edges as an array of Postgres; made once, as several statements of an answer are about the same
 * edges.
 */
export function edgesValue({ edges }: Pick<CellRange, 'edges'>): string {
  let text = edgeTexts.get(edges);
  if (text === undefined) {
    text = instants(edges);
    edgeTexts.set(edges, text);
  }
  return text;
}

/** The outcome of a cell as answered; `settled` is the parameter of `settledValue`. */
export function outcomeBy(settled: `$${number}`): string {
  return `CASE WHEN cell.outcome = 'PENDING' AND cell.bucket < ${settled}::timestamptz
               THEN 'UNKNOWN' ELSE cell.outcome END`;
}

/** The reason of a cell as answered; `settled` is the parameter of `settledValue`. */
export function reasonBy(settled: `$${number}`): string {
  return `CASE WHEN cell.outcome = 'PENDING' AND cell.bucket < ${settled}::timestamptz
               THEN 'NO_RECEIPT' ELSE cell.reason END`;
}

export function settledValue({ settledThrough }: CellRange): string {
  return formatInstant(settledThrough);
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

/** An array of whole numbers as Postgres writes it: `{1,2,3}`. */
export function readNumbers(text: string): number[] {
  return text.length <= 2 ? [] : text.slice(1, -1).split(',').map(Number);
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

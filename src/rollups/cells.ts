// How a statement reads the cells of a rollup: fragments of SQL, which are constants and never
// input. They share these names.
// - `run`: cells of one size (grain_minutes) from starts_at to before ends_at; see runs.ts.
// - `cell`: a row of the rollup that lies in a run.
// - `:generation`, `:grains`, `:starts`, `:ends`: the generation and its runs (`cellParameters`).
// - `:edges`: the edges of the slots, instants computed beforehand, so that time zones need no SQL.
// - `:settledThrough`: the settled boundary.
import { type EpochMicros, formatInstant } from '../domain/time/instant.js';
import type { Run } from '../domain/time/tiling.js';
import { instants } from './array-text.js';

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

const runsIn = (grains: string, starts: string, ends: string) =>
  `unnest(:${grains}::smallint[], :${starts}::timestamptz[], :${ends}::timestamptz[])
             AS run (grain_minutes, starts_at, ends_at)`;

/** The runs of `cellParameters`. */
export const RUNS = runsIn('grains', 'starts', 'ends');
/** The runs of `quarterParameters`, in a statement that has others as well. */
export const QUARTER_RUNS = runsIn('quarterGrains', 'quarterStarts', 'quarterEnds');

/**
 * `FROM` the cells of a rollup in some runs. LATERAL with OFFSET 0 is a fence: the planner cannot
 * know how narrow the runs are, and as a plain join it read whole tables (2 s where this takes
 * 20 ms).
 */
export function fromCells(rollup: Rollup, where?: string, runs = RUNS): string {
  return `FROM ${runs}
        ${cellsOfRuns(rollup, where)}`;
}

/** What `fromCells` has behind the runs, for runs that come from elsewhere as `run`. */
export function cellsOfRuns(rollup: Rollup, where?: string): string {
  return `CROSS JOIN LATERAL (
          SELECT *
            FROM ${rollup} AS cell
           WHERE cell.generation = :generation
             AND cell.grain_minutes = run.grain_minutes
             AND cell.bucket >= run.starts_at
             AND cell.bucket < run.ends_at
             ${where === undefined ? '' : `AND ${where}`}
          OFFSET 0) AS cell`;
}

/** What `:generation` and the runs of a statement stand for. */
export interface CellParameters {
  readonly generation: number;
  readonly grains: readonly number[];
  readonly starts: string;
  readonly ends: string;
}

export function cellParameters({ generation }: CellRange, runs: readonly Run[]): CellParameters {
  const [grains, starts, ends] = runValues(runs);
  return { generation, grains, starts, ends };
}

/** The parameters of QUARTER_RUNS. */
export interface QuarterParameters {
  readonly quarterGrains: readonly number[];
  readonly quarterStarts: string;
  readonly quarterEnds: string;
}

export function quarterParameters(runs: readonly Run[]): QuarterParameters {
  const [quarterGrains, quarterStarts, quarterEnds] = runValues(runs);
  return { quarterGrains, quarterStarts, quarterEnds };
}

/** Runs as arrays of Postgres: sizes, starts, ends. */
export function runValues(runs: readonly Run[]): [number[], string, string] {
  return [
    runs.map((run) => run.grainMinutes),
    instants(runs.map((run) => run.from)),
    instants(runs.map((run) => run.to)),
  ];
}

/** What `:settledThrough` stands for. */
export const settledParameter = ({ settledThrough }: CellRange) => formatInstant(settledThrough);

/** The messages of a cell that counts each outcome in a column of its own. */
export const MESSAGES_OF_SUMS = `(cell.pending + cell.delivered + cell.undeliverable + cell.expired
             + cell.rejected + cell.deleted + cell.unknown)`;

/** The slot of a cell, counted from 1. */
export const SLOT_OF_CELL = 'width_bucket(cell.bucket, :edges::timestamptz[])';

/**
 * When a cell begins, in minutes since 1970; date_part is exact here and takes half the time of
 * extract, which is numeric.
 */
export const CELL_MINUTE = `date_part('epoch', cell.bucket)::bigint / 60`;

const isUnanswered = `cell.outcome = 'PENDING' AND cell.bucket < :settledThrough::timestamptz`;

/** The outcome of a cell as answered. */
export const ANSWERED_OUTCOME = `CASE WHEN ${isUnanswered} THEN 'UNKNOWN' ELSE cell.outcome END`;
/** The reason of a cell as answered. */
export const ANSWERED_REASON = `CASE WHEN ${isUnanswered} THEN 'NO_RECEIPT' ELSE cell.reason END`;

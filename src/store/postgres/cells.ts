/**
 * How every rollup is read: the runs of cells that tile a series, each cell counted in the slot that
 * it lies in. Slots are instants computed beforehand, so that time zones need no SQL; the cost is that
 * of the cells, which depends on the points asked for. Fragments here are constants, never input.
 */
import { type EpochMicros, formatInstant } from '../../domain/instant.js';
import { tile } from '../../domain/tiling.js';
import type { Row } from './pool.js';
import { ACCOUNT_GRAINS_MINUTES, PLATFORM_GRAINS_MINUTES } from './rollup-grains.js';

const ACCOUNT_GRAINS = [...ACCOUNT_GRAINS_MINUTES].reverse();
const PLATFORM_GRAINS = [...PLATFORM_GRAINS_MINUTES].reverse();

/** Cell sizes that each rollup keeps, in minutes, coarsest first. */
const GRAINS = {
  outcome_account: ACCOUNT_GRAINS,
  outcome_platform: PLATFORM_GRAINS,
  money_account: ACCOUNT_GRAINS,
  money_platform: PLATFORM_GRAINS,
  outcome_sum: PLATFORM_GRAINS,
  money_sum: PLATFORM_GRAINS,
  latency_histogram: PLATFORM_GRAINS,
} as const;

export type Rollup = keyof typeof GRAINS;

/** What is read: cells of a generation, from edges[0] to the last edge, each slot between two edges. */
export interface CellRange {
  readonly generation: number;
  /** Ascending, at least two, on the base grain. */
  readonly edges: readonly EpochMicros[];
  /** Pending messages of cells that end by this instant are answered as UNKNOWN, NO_RECEIPT. */
  readonly settledThrough: EpochMicros;
}

/**
 * `FROM` the cells of a rollup, as `cell` with its measures; takes the parameters $1 to $4, which
 * `cellValues` makes, and those of `where`. LATERAL with OFFSET 0 is a fence: the planner cannot know
 * how narrow the runs are, and as a plain join it read whole tables (2 s where this takes 20 ms).
 */
export function fromCells(rollup: Rollup, where?: string): string {
  return `FROM unnest($2::smallint[], $3::timestamptz[], $4::timestamptz[])
                AS run (grain_minutes, starts_at, ends_at)
        CROSS JOIN LATERAL (
          SELECT *
            FROM ${rollup} AS cell
           WHERE cell.generation = $1
             AND cell.grain_minutes = run.grain_minutes
             AND cell.bucket >= run.starts_at
             AND cell.bucket < run.ends_at
             ${where === undefined ? '' : `AND ${where}`}
          OFFSET 0) AS cell`;
}

/** The parameters of `fromCells`. `settles`: no run crosses the settled boundary. */
export function cellValues(rollup: Rollup, range: CellRange, settles: boolean): unknown[] {
  const runs = tile(tilingEdges(range, settles), GRAINS[rollup]);
  return [
    range.generation,
    runs.map((run) => run.grainMinutes),
    runs.map((run) => formatInstant(run.from)),
    runs.map((run) => formatInstant(run.to)),
  ];
}

/** The slot of a cell, counted from 1; `edges` is the parameter of `edgesValue`. */
export function slotBy(edges: `$${number}`): string {
  return `width_bucket(cell.bucket, ${edges}::timestamptz[])`;
}

export function edgesValue({ edges }: CellRange): string[] {
  return edges.map(formatInstant);
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

function tilingEdges({ edges, settledThrough }: CellRange, settles: boolean): EpochMicros[] {
  const cut = edges.findIndex((edge) => edge >= settledThrough);
  if (!settles || cut <= 0 || edges[cut] === settledThrough) return [...edges];
  return [...edges.slice(0, cut), settledThrough, ...edges.slice(cut)];
}

/** A text array as Postgres writes arrays of whole numbers: `{1,2,3}`. */
export function readNumbers(text: string): number[] {
  return text.slice(1, -1).split(',').map(Number);
}

/** Rows by the text in one column, each group in the order of the rows. */
export function groupRows(rows: readonly Row[], column: number): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row[column] ?? '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

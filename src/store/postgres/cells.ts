/**
 * How every rollup is read: the runs of cells that tile a series, each cell counted in the slot that
 * it lies in. Slots are instants computed beforehand, so that time zones need no SQL; the cost is that
 * of the cells, which depends on the points asked for. Fragments here are constants, never input.
 */
import {
  dayOf,
  type EpochMicros,
  formatDay,
  formatInstant,
  MICROS_PER_DAY,
  MICROS_PER_MINUTE,
} from '../../domain/instant.js';
import { type Run, tile } from '../../domain/tiling.js';
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

/** The parameters of `fromCells`. `settles`: no run crosses the settled boundary. `slots`: only these. */
export function cellValues(
  rollup: Rollup,
  range: CellRange,
  settles: boolean,
  slots?: readonly number[],
): unknown[] {
  const { edges } = range;
  const runs =
    slots === undefined
      ? tiled(tilingEdges(range, settles), GRAINS[rollup])
      : slots.flatMap((slot) => tile(edges.slice(slot, slot + 2), GRAINS[rollup]));
  return [
    range.generation,
    runs.map((run) => run.grainMinutes),
    instants(runs.map((run) => run.from)),
    instants(runs.map((run) => run.to)),
  ];
}

// Several statements of one answer are about the same edges.
const tilings = new WeakMap<object, Map<readonly number[], Run[]>>();
const edgeTexts = new WeakMap<object, string>();

/** `tile`, once for the same edges and grains. */
function tiled(edges: readonly EpochMicros[], grains: readonly number[]): Run[] {
  let known = tilings.get(edges);
  if (known === undefined) {
    known = new Map();
    tilings.set(edges, known);
  }
  let runs = known.get(grains);
  if (runs === undefined) {
    runs = tile(edges, grains);
    known.set(grains, runs);
  }
  return runs;
}

/** An array of instants, whole minutes, as Postgres reads it. */
function instants(list: readonly EpochMicros[]): string {
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

/** The slot of a cell, counted from 1; `edges` is the parameter of `edgesValue`. */
export function slotBy(edges: `$${number}`): string {
  return `width_bucket(cell.bucket, ${edges}::timestamptz[])`;
}

/** Edges as an array of Postgres. */
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

function tilingEdges(
  { edges, settledThrough }: CellRange,
  settles: boolean,
): readonly EpochMicros[] {
  if (!settles) return edges;
  const cut = edges.findIndex((edge) => edge >= settledThrough);
  if (cut <= 0 || edges[cut] === settledThrough) return edges;
  return [...edges.slice(0, cut), settledThrough, ...edges.slice(cut)];
}

/** An array of whole numbers as Postgres writes it: `{1,2,3}`. */
export function readNumbers(text: string): number[] {
  return text.length <= 2 ? [] : text.slice(1, -1).split(',').map(Number);
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

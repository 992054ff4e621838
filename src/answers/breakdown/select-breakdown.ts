// Messages by up to three dimensions where accounts are one of them or filtered by: one page of
// rows, with the sums of all of them beside it. The statement is put together from closed lists of
// columns; every value is a parameter. All else follows from remembered cells, see
// src/answers/breakdown/breakdown-rows.ts.
import { BASE_GRAIN_MINUTES } from '../../domain/measures/counted.js';
import type { OrderKey } from '../../domain/measures/ordering.js';
import type { Outcome } from '../../domain/message/outcome.js';
import { type ErrorClass, REASONS } from '../../domain/message/reasons.js';
import type { Snapshot } from '../../postgres/pool.js';
import {
  accountRuns,
  type CellRange,
  cellsOfRuns,
  cellValues,
  DAY_MINUTES,
  dayRuns,
  fromCells,
  instants,
  MESSAGES_OF_SUMS,
  outcomeBy,
  RUNS,
  reasonBy,
  runValues,
  settledValue,
} from '../../rollups/cells.js';

/** What rows can be grouped by; also the names of the columns. */
export const BREAKDOWN_DIMENSIONS = [
  'outcome',
  'reason',
  'error_class',
  'operator_id',
  'account_id',
] as const;
export type BreakdownDimension = (typeof BREAKDOWN_DIMENSIONS)[number];

/** What rows can be ordered by, beside the dimensions grouped by. */
export type BreakdownOrderField = BreakdownDimension | 'messages' | 'segments' | 'share';

/**
 * Which messages count: alternatives inside a list, all lists must match, undefined matches all.
 */
export interface BreakdownFilter {
  readonly accountIds: readonly string[] | undefined;
  readonly operatorIds: readonly string[] | undefined;
  readonly outcomes: readonly Outcome[] | undefined;
  readonly reasons: readonly string[] | undefined;
  readonly errorClasses: readonly ErrorClass[] | undefined;
}

export interface BreakdownQuestion {
  readonly groupBy: readonly BreakdownDimension[];
  readonly filter: BreakdownFilter;
  readonly order: readonly OrderKey<BreakdownOrderField>[];
  readonly limit: number;
  readonly offset: number;
}

export interface BreakdownRow {
  /** In the order of `groupBy`. */
  readonly values: readonly string[];
  readonly messages: bigint;
  readonly segments: bigint;
}

export interface Breakdown {
  readonly rows: readonly BreakdownRow[];
  /** Sums over all rows, those of other pages included. */
  readonly messages: bigint;
  readonly segments: bigint;
  readonly totalSize: number;
}

/** Whether a question needs the rollup of accounts. */
export function isByAccount({ groupBy, filter }: BreakdownQuestion): boolean {
  return groupBy.includes('account_id') || filter.accountIds !== undefined;
}

/** One page. Rows without messages do not exist; equal rows are ordered by their dimensions. */
export async function selectBreakdown(
  snapshot: Snapshot,
  range: CellRange,
  question: BreakdownQuestion,
): Promise<Breakdown> {
  const source = isOfAccountsAlone(question) ? ofSums(range, question) : ofCells(range, question);
  // Not prepared: there are more orders than a connection should remember statements.
  const rows = await snapshot.rows(undefined, statement(source, question), [
    ...source.values,
    question.limit,
    question.offset,
  ]);
  const [first] = rows;
  return {
    messages: BigInt(first?.[0] ?? 0),
    segments: BigInt(first?.[1] ?? 0),
    totalSize: Number(first?.[2] ?? 0),
    rows: rows
      .filter((row) => row[3] !== null)
      .map((row) => ({
        messages: BigInt(row[3] as string),
        segments: BigInt(row[4] as string),
        values: row.slice(5) as string[],
      })),
  };
}

/** Where the rows come from. */
interface Source {
  /**
   * Common table expressions, of which `grouped` has the dimensions, messages and segments of every
   * row.
   */
  readonly tables: string;
  /** Its parameters. */
  readonly values: readonly unknown[];
}

/**
 * Whether the hourly sums of accounts, which know neither operator nor reason, are all that is
 * needed.
 */
function isOfAccountsAlone({ groupBy, filter }: BreakdownQuestion): boolean {
  const { accountIds: _, ...others } = filter;
  return groupBy.join() === 'account_id' && Object.values(others).every((one) => one === undefined);
}

/** Accounts, from one row for each of their hours instead of all cells in it. */
function ofSums(range: CellRange, { filter: { accountIds } }: BreakdownQuestion): Source {
  const { hours, quarters } = accountRuns(range);
  const where = accountIds && accountIn('$8');
  return {
    tables: `
  grouped AS (
    SELECT account_id, sum(messages)::bigint AS messages, sum(segments)::bigint AS segments
      FROM (SELECT cell.account_id, ${MESSAGES_OF_SUMS} AS messages, cell.segments
              ${fromCells('account_outcome_sum', where)}
            UNION ALL
            SELECT cell.account_id, cell.messages, cell.segments
              ${fromCells('outcome_account', where, ['$5', '$6', '$7'])}) AS part
     GROUP BY account_id
    HAVING sum(messages) > 0
  )`,
    values: [
      ...cellValues(range, hours),
      ...runValues(quarters),
      ...(accountIds === undefined ? [] : [accountIds]),
    ],
  };
}

/**
 * Any dimensions: whole days where they are added up, else quarters of an hour; summed by what they
 * have before each reason is given its class.
 */
function ofCells(range: CellRange, { groupBy, filter }: BreakdownQuestion): Source {
  const columns = groupBy.join(', ');
  const byOperator = '($8::text[] IS NULL OR cell.operator_id = ANY ($8::text[]))';
  const where = filter.accountIds ? `${byOperator} AND ${accountIn('$13')}` : byOperator;
  const { days, quarters } = dayRuns(range);
  const part = `SELECT ${outcomeBy('$5')} AS outcome, ${reasonBy('$5')} AS reason, cell.operator_id, cell.account_id,
           cell.messages, cell.segments`;
  return {
    tables: `
  day AS MATERIALIZED (
    SELECT day.bucket AS starts_at, day.bucket + interval '24 hours' AS ends_at,
           coalesce(made.added_up = made.version, false) AS is_added_up
      FROM unnest($12::timestamptz[]) AS day (bucket)
      LEFT JOIN day_version AS made
        ON made.generation = $1 AND made.grain_minutes = ${DAY_MINUTES} AND made.bucket = day.bucket
  ), cell AS (
    ${part}
      FROM (SELECT * FROM ${RUNS}
            UNION ALL
            SELECT ${BASE_GRAIN_MINUTES}, starts_at, ends_at FROM day WHERE NOT is_added_up) AS run
        ${cellsOfRuns('outcome_account', where)}
    UNION ALL
    ${part}
      FROM (SELECT ${DAY_MINUTES} AS grain_minutes, * FROM day WHERE is_added_up) AS run
        ${cellsOfRuns('outcome_account_day', where)}
  ), answered AS (
    SELECT outcome, reason, operator_id, account_id, sum(messages) AS messages, sum(segments) AS segments
      FROM cell
     GROUP BY 1, 2, 3, 4
  ), classed AS (
    SELECT answered.*, coalesce(known.error_class, '') AS error_class
      FROM answered
      LEFT JOIN unnest($6::text[], $7::text[]) AS known (reason, error_class) USING (reason)
  ), grouped AS (
    SELECT ${columns}, sum(messages)::bigint AS messages, sum(segments)::bigint AS segments
      FROM classed
     WHERE ($9::text[] IS NULL OR outcome = ANY ($9::text[]))
       AND ($10::text[] IS NULL OR reason = ANY ($10::text[]))
       AND ($11::text[] IS NULL OR error_class = ANY ($11::text[]))
     GROUP BY ${columns}
    HAVING sum(messages) > 0
  )`,
    values: [
      ...cellValues(range, quarters),
      settledValue(range),
      REASONS.map((row) => row.reason),
      REASONS.map((row) => row.errorClass),
      filter.operatorIds ?? null,
      filter.outcomes ?? null,
      filter.reasons ?? null,
      filter.errorClasses ?? null,
      instants(days),
      ...(filter.accountIds === undefined ? [] : [filter.accountIds]),
    ],
  };
}

/** By itself, not beside an `IS NULL`: cells are found by it. */
const accountIn = (parameter: `$${number}`) => `cell.account_id = ANY (${parameter}::text[])`;

/** `ORDER BY`, total because it ends with every dimension. */
function orderOf({ order, groupBy }: BreakdownQuestion): string {
  const keys = order.map(({ field, descending }) => {
    const column = field === 'share' ? 'messages' : field;
    return `${column}${descending ? ' DESC' : ''}`;
  });
  const rest = groupBy.filter((dimension) => !order.some((key) => key.field === dimension));
  return [...keys, ...rest].join(', ');
}

function statement({ tables, values }: Source, question: BreakdownQuestion): string {
  const order = orderOf(question);
  const page = values.length + 1;
  return `
  WITH ${tables}, page AS (
    SELECT * FROM grouped ORDER BY ${order} LIMIT $${page} OFFSET $${page + 1}
  )
  SELECT total.messages, total.segments, total.size, page.messages, page.segments, ${question.groupBy
    .map((dimension) => `page.${dimension}`)
    .join(', ')}
    FROM (SELECT coalesce(sum(messages), 0)::bigint AS messages,
                 coalesce(sum(segments), 0)::bigint AS segments,
                 count(*) AS size
            FROM grouped) AS total
    LEFT JOIN page ON true
   ORDER BY ${order.replace(/\b(messages|segments)\b/g, 'page.$1')}`;
}

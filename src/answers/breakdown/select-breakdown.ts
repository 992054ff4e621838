// Messages by up to three dimensions where accounts are one of them or filtered by: one page of
// rows, with the sums of all of them beside it. The statement is put together from closed lists of
// columns; every value is a parameter. All else follows from remembered cells, see
// src/answers/breakdown/breakdown-rows.ts.
import { REASONS } from '../../domain/message/reasons.js';
import type { Snapshot } from '../../postgres/pool.js';
import { sql } from '../../postgres/sql.js';
import { instants } from '../../rollups/array-text.js';
import {
  ANSWERED_OUTCOME,
  ANSWERED_REASON,
  type CellRange,
  cellParameters,
  cellsOfRuns,
  fromCells,
  MESSAGES_OF_SUMS,
  QUARTER_RUNS,
  quarterParameters,
  RUNS,
  settledParameter,
} from '../../rollups/cells.js';
import { BASE_GRAIN_MINUTES, DAY_MINUTES } from '../../rollups/grains.js';
import { accountRuns, dayRuns } from '../../rollups/runs.js';
import type { Breakdown, BreakdownQuestion } from './breakdown-question.js';

/** One page. Rows without messages do not exist; equal rows are ordered by their dimensions. */
export async function selectBreakdown(
  snapshot: Snapshot,
  range: CellRange,
  question: BreakdownQuestion,
): Promise<Breakdown> {
  const source = isOfAccountsAlone(question) ? ofSums(range, question) : ofCells(range, question);
  const { limit, offset } = question;
  const { text, values } = statement(source, question)({ ...source.parameters, limit, offset });
  // Not prepared: there are more orders than a connection should remember statements.
  const rows = await snapshot.rows(undefined, text, values);
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
  readonly parameters: Readonly<Record<string, unknown>>;
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
  const where = accountIds && IN_ACCOUNTS;
  return {
    tables: `
  grouped AS (
    SELECT account_id, sum(messages)::bigint AS messages, sum(segments)::bigint AS segments
      FROM (SELECT cell.account_id, ${MESSAGES_OF_SUMS} AS messages, cell.segments
              ${fromCells('account_outcome_sum', where)}
            UNION ALL
            SELECT cell.account_id, cell.messages, cell.segments
              ${fromCells('outcome_account', where, QUARTER_RUNS)}) AS part
     GROUP BY account_id
    HAVING sum(messages) > 0
  )`,
    parameters: {
      ...cellParameters(range, hours),
      ...quarterParameters(quarters),
      ...(accountIds && { accountIds }),
    },
  };
}

/**
 * Any dimensions: whole days where they are added up, else quarters of an hour; summed by what they
 * have before each reason is given its class.
 */
function ofCells(range: CellRange, { groupBy, filter }: BreakdownQuestion): Source {
  const columns = groupBy.join(', ');
  const byOperator = anyOf('cell.operator_id', ':operatorIds');
  const where = filter.accountIds ? `${byOperator} AND ${IN_ACCOUNTS}` : byOperator;
  const { days, quarters } = dayRuns(range);
  return {
    tables: `
  day AS MATERIALIZED (
    SELECT day.bucket AS starts_at,
           day.bucket + interval '24 hours' AS ends_at,
           coalesce(made.added_up = made.version, false) AS is_added_up
      FROM unnest(:days::timestamptz[]) AS day (bucket)
      LEFT JOIN day_version AS made
        ON made.generation = :generation
       AND made.grain_minutes = ${DAY_MINUTES}
       AND made.bucket = day.bucket
  ), cell AS (
    ${ANSWERED_CELL}
      FROM (SELECT * FROM ${RUNS}
            UNION ALL
            SELECT ${BASE_GRAIN_MINUTES}, starts_at, ends_at FROM day WHERE NOT is_added_up) AS run
        ${cellsOfRuns('outcome_account', where)}
    UNION ALL
    ${ANSWERED_CELL}
      FROM (SELECT ${DAY_MINUTES} AS grain_minutes, * FROM day WHERE is_added_up) AS run
        ${cellsOfRuns('outcome_account_day', where)}
  ), answered AS (
    SELECT outcome, reason, operator_id, account_id,
           sum(messages) AS messages,
           sum(segments) AS segments
      FROM cell
     GROUP BY outcome, reason, operator_id, account_id
  ), classed AS (
    SELECT answered.*, coalesce(known.error_class, '') AS error_class
      FROM answered
      LEFT JOIN unnest(:reasonNames::text[], :reasonClasses::text[])
             AS known (reason, error_class) USING (reason)
  ), grouped AS (
    SELECT ${columns}, sum(messages)::bigint AS messages, sum(segments)::bigint AS segments
      FROM classed
     WHERE ${anyOf('outcome', ':outcomes')}
       AND ${anyOf('reason', ':reasons')}
       AND ${anyOf('error_class', ':errorClasses')}
     GROUP BY ${columns}
    HAVING sum(messages) > 0
  )`,
    parameters: {
      ...cellParameters(range, quarters),
      settledThrough: settledParameter(range),
      days: instants(days),
      reasonNames: REASONS.map((row) => row.reason),
      reasonClasses: REASONS.map((row) => row.errorClass),
      operatorIds: filter.operatorIds ?? null,
      outcomes: filter.outcomes ?? null,
      reasons: filter.reasons ?? null,
      errorClasses: filter.errorClasses ?? null,
      ...(filter.accountIds && { accountIds: filter.accountIds }),
    },
  };
}

/** Not `anyOf`, which the planner cannot find cells by. */
const IN_ACCOUNTS = 'cell.account_id = ANY (:accountIds::text[])';

/** A filter that matches all where its list is null. */
const anyOf = (column: string, list: `:${string}`) =>
  `(${list}::text[] IS NULL OR ${column} = ANY (${list}::text[]))`;

const ANSWERED_CELL = `SELECT ${ANSWERED_OUTCOME} AS outcome,
           ${ANSWERED_REASON} AS reason,
           cell.operator_id, cell.account_id, cell.messages, cell.segments`;

/** `ORDER BY`, total because it ends with every dimension. */
function orderOf({ order, groupBy }: BreakdownQuestion): string {
  const keys = order.map(({ field, descending }) => {
    const column = field === 'share' ? 'messages' : field;
    return `${column}${descending ? ' DESC' : ''}`;
  });
  const rest = groupBy.filter((dimension) => !order.some((key) => key.field === dimension));
  return [...keys, ...rest].join(', ');
}

function statement({ tables }: Source, question: BreakdownQuestion) {
  const order = orderOf(question);
  const dimensions = question.groupBy.map((dimension) => `page.${dimension}`).join(', ');
  return sql<Record<string, unknown>>`
  WITH ${tables}, page AS (
    SELECT *
      FROM grouped
     ORDER BY ${order}
     LIMIT :limit
    OFFSET :offset
  )
  SELECT total.messages, total.segments, total.size, page.messages, page.segments, ${dimensions}
    FROM (SELECT coalesce(sum(messages), 0)::bigint AS messages,
                 coalesce(sum(segments), 0)::bigint AS segments,
                 count(*) AS size
            FROM grouped) AS total
    LEFT JOIN page ON true
   ORDER BY ${order.replace(/\b(messages|segments)\b/g, 'page.$1')}`;
}

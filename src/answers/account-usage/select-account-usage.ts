// What one account used, slot by slot, with the state that it stands on: one statement, as an
// answer needs little else.

import type { CountTable } from '../../domain/measures/count-table.js';
import type { CurrencySums } from '../../domain/measures/money.js';
import { floorToMinutes, MICROS_PER_DAY, MICROS_PER_MINUTE } from '../../domain/time/instant.js';
import type { Run } from '../../domain/time/tiling.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import {
  addCells,
  CELL_TEXT_FORMAT,
  COUNTS_OF_CELLS,
  countsOfCells,
  MONEY_OF_CELLS,
  readSums,
} from '../../rollups/cell-text.js';
import {
  accountRuns,
  type CellRange,
  cellsOfRuns,
  cellValues,
  DAY_MINUTES,
  fromCells,
  instants,
  RUNS,
  runValues,
} from '../../rollups/cells.js';
import { utcDay } from '../../rollups/grains.js';
import { type AnswerState, STATE_COLUMNS, stateOf } from '../freshness/select-answer-state.js';

const ACCOUNT = 'cell.account_id = $5';
const DAYS = '$6::timestamptz[]';
const QUARTERS = ['$7', '$8', '$9'];

// Quarters of an hour that no hour of the series holds: the account's rollup, cell by cell in the
// columns of its sums.
const COUNTS_OF_QUARTERS = countsOfCells((name) =>
  name === 'segments' || name === 'contradicted'
    ? `cell.${name}`
    : `CASE WHEN cell.outcome = '${name.toUpperCase()}' THEN cell.messages ELSE 0 END`,
);

// Hours of days that are added up come day by day, also those that were not asked for; the others
// come one by one. A run lies in one day. A day on which the account has no row had nothing of it.
const hoursOf = (rollup: 'account_outcome_sum' | 'account_money_sum') => `
    FROM (SELECT * FROM ${RUNS}
           WHERE ${utcDay('starts_at')} NOT IN (SELECT bucket FROM day)) AS run
        ${cellsOfRuns(rollup, ACCOUNT)}`;

const BY_HOUR = `
  WITH day AS MATERIALIZED (
    SELECT made.bucket, usage.counts, usage.codes, usage.money
      FROM day_version AS made
      LEFT JOIN LATERAL (
           SELECT *
             FROM account_usage_day AS cell
            WHERE cell.generation = $1
              AND cell.grain_minutes = ${DAY_MINUTES}
              AND cell.bucket = made.bucket
              AND ${ACCOUNT}
           OFFSET 0) AS usage ON true
     WHERE made.generation = $1
       AND made.grain_minutes = ${DAY_MINUTES}
       AND made.bucket = ANY (${DAYS})
       AND made.usage_added_up = made.version
       AND coalesce(usage.format, ${CELL_TEXT_FORMAT}) = ${CELL_TEXT_FORMAT}
  )
  SELECT *
    FROM (SELECT ${STATE_COLUMNS} FROM answer_state) AS state
   CROSS JOIN (
     SELECT string_agg(counts, ','), string_agg(codes, ''), string_agg(money, ',') FROM day) AS days
   CROSS JOIN (SELECT ${COUNTS_OF_CELLS} ${hoursOf('account_outcome_sum')}) AS counts
   CROSS JOIN (SELECT ${MONEY_OF_CELLS} ${hoursOf('account_money_sum')}) AS money`;

const BY_QUARTER = `${BY_HOUR}
   CROSS JOIN (SELECT ${COUNTS_OF_QUARTERS} ${fromCells('outcome_account', ACCOUNT, QUARTERS)}) AS counts_of_quarters
   CROSS JOIN (SELECT ${MONEY_OF_CELLS} ${fromCells('money_account', ACCOUNT, QUARTERS)}) AS money_of_quarters`;

/**
 * What was read, as text until it is asked for: numbers are hundreds of objects, and the reads of
 * others end first.
 */
export interface AccountUsage {
  readonly state: AnswerState;
  /** Adds what became of the messages to the rows of their slots (from 0). */
  counts(table: CountTable): void;
  /**
   * Calls `each` with what was charged and given back by slot, in any order and any number of
   * parts.
   */
  money(each: (slot: number, sums: CurrencySums) => void): void;
}

/**
 * Usage of one account in the serving generation that `range` assumes. The snapshot must be that
 * account's.
 * @throws {Unavailable} nothing is served yet
 */
export async function selectAccountUsage(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<AccountUsage> {
  const { hours, quarters } = accountRuns(range);
  const days = hours.flatMap(byDay);
  const values = [
    ...cellValues(range, days),
    accountId,
    instants([...new Set(days.map(({ from }) => startOfDay(from)))]),
  ];
  const rows: readonly Row[] =
    quarters.length === 0
      ? await snapshot.rows('account_usage', BY_HOUR, values)
      : await snapshot.rows('account_usage_by_quarter', BY_QUARTER, [
          ...values,
          ...runValues(quarters),
        ]);
  const state = stateOf(rows);
  const [countsOfDays, codesOfDays, sumsOfDays, ...hourly] = rows[0]?.slice(4) ?? [];
  const [counts, codes, sums, ...quarterly] = hourly;
  const [countsOfQuarters, codesOfQuarters, sumsOfQuarters] = quarterly;
  const asked = within(hours);
  return {
    state,
    counts(table) {
      addCells(countsOfDays, range, table, asked);
      addCells(counts, range, table);
      addCells(countsOfQuarters, range, table);
    },
    money(each) {
      readSums(codesOfDays, sumsOfDays, range, each, asked);
      readSums(codes, sums, range, each);
      readSums(codesOfQuarters, sumsOfQuarters, range, each);
    },
  };
}

const startOfDay = (at: number) => floorToMinutes(at, DAY_MINUTES);

/** A run cut at the days of UTC. */
function byDay({ grainMinutes, from, to }: Run): Run[] {
  const runs: Run[] = [];
  for (let start = from; start < to; ) {
    const end = Math.min(to, startOfDay(start) + MICROS_PER_DAY);
    runs.push({ grainMinutes, from: start, to: end });
    start = end;
  }
  return runs;
}

/** Whether a minute lies in one of some runs, which ascend. */
function within(runs: readonly Run[]): (minute: number) => boolean {
  return (minute) => {
    const at = minute * MICROS_PER_MINUTE;
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((runs[middle] as Run).to <= at) low = middle + 1;
      else high = middle;
    }
    return low < runs.length && (runs[low] as Run).from <= at;
  };
}

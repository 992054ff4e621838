/** What one account used, slot by slot, with the state that it stands on: one statement, as an answer needs little else. */

import type { CountTable } from '../../domain/count-table.js';
import type { CurrencySums } from '../../domain/money.js';
import {
  accountRuns,
  CELL_MINUTE,
  type CellRange,
  cellValues,
  fromCells,
  outcomeBy,
  runValues,
  settledValue,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';
import { type AnswerState, STATE_COLUMNS, stateOf } from './select-answer-state.js';
import { MONEY_OF_CELLS, readSums } from './select-money.js';
import { addCells, COUNTS_OF_CELL, COUNTS_OF_CELLS } from './select-outcomes.js';

const ACCOUNT = 'cell.account_id = $6';
const QUARTERS = ['$7', '$8', '$9'];

// Quarters of an hour that no hour of the series holds: the account's rollup, cell by cell in the columns of its sums.
const countOf = (name: string) =>
  name === 'segments' || name === 'contradicted'
    ? `cell.${name}`
    : `CASE WHEN ${outcomeBy('$5')} = '${name.toUpperCase()}' THEN cell.messages ELSE 0 END`;
const COUNTS_OF_QUARTERS = `
  string_agg(concat_ws(' ', ${CELL_MINUTE}, ${COUNTS_OF_CELL.map(countOf).join(', ')}), ',')`;

const BY_HOUR = `
  SELECT *
    FROM (SELECT ${STATE_COLUMNS} FROM answer_state) AS state
   CROSS JOIN (SELECT ${COUNTS_OF_CELLS} ${fromCells('account_outcome_sum', ACCOUNT)}) AS counts
   CROSS JOIN (SELECT ${MONEY_OF_CELLS} ${fromCells('account_money_sum', ACCOUNT)}) AS money`;

const BY_QUARTER = `${BY_HOUR}
   CROSS JOIN (SELECT ${COUNTS_OF_QUARTERS} ${fromCells('outcome_account', ACCOUNT, QUARTERS)}) AS counts_of_quarters
   CROSS JOIN (SELECT ${MONEY_OF_CELLS} ${fromCells('money_account', ACCOUNT, QUARTERS)}) AS money_of_quarters`;

/** What was read, as text until it is asked for: numbers are hundreds of objects, and the reads of others end first. */
export interface AccountUsage {
  readonly state: AnswerState;
  /** Adds what became of the messages to the rows of their slots (from 0). */
  counts(table: CountTable): void;
  /** Calls `each` with what was charged and given back by slot, in any order and any number of parts. */
  money(each: (slot: number, sums: CurrencySums) => void): void;
}

/**
 * Usage of one account in the serving generation that `range` assumes. The snapshot must be that account's.
 * @throws {Unavailable} nothing is served yet
 */
export async function selectAccountUsage(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<AccountUsage> {
  const { hours, quarters } = accountRuns(range);
  const values = [...cellValues(range, hours), settledValue(range), accountId];
  const rows: readonly Row[] =
    quarters.length === 0
      ? await snapshot.rows('account_usage', BY_HOUR, values)
      : await snapshot.rows('account_usage_by_quarter', BY_QUARTER, [
          ...values,
          ...runValues(quarters),
        ]);
  const state = stateOf(rows);
  const [counts, codes, sums, ...quarterly] = rows[0]?.slice(4) ?? [];
  const [countsOfQuarters, codesOfQuarters, sumsOfQuarters] = quarterly;
  return {
    state,
    counts(table) {
      addCells(counts, range, table);
      addCells(countsOfQuarters, range, table);
    },
    money(each) {
      readSums(codes, sums, range, each);
      readSums(codesOfQuarters, sumsOfQuarters, range, each);
    },
  };
}

// Reads one account's usage by slot, together with the state of the answer, in one statement: an
// answer needs little else. `:account` keeps every part of it to the account.

import type { CountTable } from '../../domain/measures/count-table.js';
import type { CurrencySums } from '../../domain/measures/money.js';
import { floorToMinutes, MICROS_PER_DAY, MICROS_PER_MINUTE } from '../../domain/time/instant.js';
import type { Run } from '../../domain/time/tiling.js';
import type { Snapshot } from '../../postgres/pool.js';
import { sql } from '../../postgres/sql.js';
import { instants } from '../../rollups/array-text.js';
import {
  addCells,
  CELL_TEXT_FORMAT,
  COUNTS_OF_CELLS,
  countsOfCells,
  MONEY_OF_CELLS,
  readSums,
} from '../../rollups/cell-text.js';
import { type CellRange, fromCells, runValues } from '../../rollups/cells.js';
import { DAY_MINUTES, utcDay } from '../../rollups/grains.js';
import { accountRuns } from '../../rollups/runs.js';
import { type AnswerState, STATE_COLUMNS, stateOf } from '../freshness/select-answer-state.js';

const ACCOUNT = 'cell.account_id = :account';

// Hours of days that are added up come day by day, also those that were not asked for; all others
// come one by one. A run lies in one day. A day without a row of the account has nothing of it; a
// row in another format is as if the day were not added up.
const DAYS = `
    SELECT made.bucket, usage.counts, usage.codes, usage.money
      FROM day_version AS made
      LEFT JOIN LATERAL (
           SELECT *
             FROM account_usage_day AS cell
            WHERE cell.generation = :generation
              AND cell.grain_minutes = ${DAY_MINUTES}
              AND cell.bucket = made.bucket
              AND ${ACCOUNT}
           OFFSET 0) AS usage ON true
     WHERE made.generation = :generation
       AND made.grain_minutes = ${DAY_MINUTES}
       AND made.bucket = ANY (:days::timestamptz[])
       AND made.usage_added_up = made.version
       AND coalesce(usage.format, ${CELL_TEXT_FORMAT}) = ${CELL_TEXT_FORMAT}`;
const HOURS = `(
           SELECT *
             FROM unnest(
                  :hourGrains::smallint[],
                  :hourStarts::timestamptz[],
                  :hourEnds::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
            WHERE ${utcDay('starts_at')}
                  NOT IN (SELECT bucket FROM day)) AS run`;

// Quarters of an hour that no hour of the series holds: the account's rollup, cell by cell in the
// columns of its sums.
const QUARTERS = `unnest(
           :quarterGrains::smallint[],
           :quarterStarts::timestamptz[],
           :quarterEnds::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)`;
const COUNTS_OF_QUARTERS = countsOfCells((name) =>
  name === 'segments' || name === 'contradicted'
    ? `cell.${name}`
    : `CASE WHEN cell.outcome = '${name.toUpperCase()}' THEN cell.messages ELSE 0 END`,
);

const OF_HOURS = [
  ...(['counts_of_days', 'codes_of_days', 'money_of_days'] as const),
  ...(['counts_of_hours', 'codes_of_hours', 'money_of_hours'] as const),
];
const OF_QUARTERS = ['counts_of_quarters', 'codes_of_quarters', 'money_of_quarters'] as const;
type Column = (typeof OF_HOURS)[number] | (typeof OF_QUARTERS)[number];

/** Selects the state first, then the columns. */
const reading = (columns: readonly Column[]) => `
  WITH day AS MATERIALIZED (${DAYS}
  )
  SELECT state.*,
         ${columns.join(`,
         `)}
    FROM (
    SELECT ${STATE_COLUMNS}
      FROM answer_state) AS state
   CROSS JOIN (
    SELECT string_agg(counts, ','), string_agg(codes, ''), string_agg(money, ',')
      FROM day) AS days (counts_of_days, codes_of_days, money_of_days)
   CROSS JOIN (
    SELECT ${COUNTS_OF_CELLS}
      ${fromCells('account_outcome_sum', ACCOUNT, HOURS)}) AS counted (counts_of_hours)
   CROSS JOIN (
    SELECT ${MONEY_OF_CELLS}
      ${fromCells('account_money_sum', ACCOUNT, HOURS)})
      AS charged (codes_of_hours, money_of_hours)`;

interface HourParameters {
  readonly generation: number;
  readonly account: string;
  /** Starts of the UTC days that hours were asked of. */
  readonly days: string;
  readonly hourGrains: unknown;
  readonly hourStarts: unknown;
  readonly hourEnds: unknown;
}

interface QuarterParameters extends HourParameters {
  readonly quarterGrains: unknown;
  readonly quarterStarts: unknown;
  readonly quarterEnds: unknown;
}

const BY_HOUR = sql<HourParameters>`${reading(OF_HOURS)}`;

const BY_QUARTER = sql<QuarterParameters>`${reading([...OF_HOURS, ...OF_QUARTERS])}
   CROSS JOIN (
    SELECT ${COUNTS_OF_QUARTERS}
      ${fromCells('outcome_account', ACCOUNT, QUARTERS)}) AS counted_quarters (counts_of_quarters)
   CROSS JOIN (
    SELECT ${MONEY_OF_CELLS}
      ${fromCells('money_account', ACCOUNT, QUARTERS)})
      AS charged_quarters (codes_of_quarters, money_of_quarters)`;

/**
 * Unparsed result. Parse it only after the last `await`, so that concurrent reads do not hold
 * hundreds of objects each.
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
  const [hourGrains, hourStarts, hourEnds] = runValues(days);
  const asking: HourParameters = {
    generation: range.generation,
    account: accountId,
    days: instants([...new Set(days.map(({ from }) => startOfDay(from)))]),
    hourGrains,
    hourStarts,
    hourEnds,
  };
  const { state, texts } =
    quarters.length === 0
      ? await read(snapshot, 'account_usage', BY_HOUR(asking), OF_HOURS)
      : await read(
          snapshot,
          'account_usage_by_quarter',
          BY_QUARTER({ ...asking, ...quarterValues(quarters) }),
          [...OF_HOURS, ...OF_QUARTERS],
        );
  const asked = within(hours);
  return {
    state,
    counts(table) {
      addCells(texts.counts_of_days, range, table, asked);
      addCells(texts.counts_of_hours, range, table);
      addCells(texts.counts_of_quarters, range, table);
    },
    money(each) {
      readSums(texts.codes_of_days, texts.money_of_days, range, each, asked);
      readSums(texts.codes_of_hours, texts.money_of_hours, range, each);
      readSums(texts.codes_of_quarters, texts.money_of_quarters, range, each);
    },
  };
}

function quarterValues(runs: readonly Run[]) {
  const [quarterGrains, quarterStarts, quarterEnds] = runValues(runs);
  return { quarterGrains, quarterStarts, quarterEnds };
}

type Texts = Readonly<Partial<Record<Column, string | null>>>;

/** The columns stand behind the state. */
async function read(
  snapshot: Snapshot,
  name: string,
  { text, values }: { text: string; values: unknown[] },
  columns: readonly Column[],
): Promise<{ state: AnswerState; texts: Texts }> {
  const rows = await snapshot.rows(name, text, values);
  const state = stateOf(rows);
  const [row = []] = rows;
  const first = row.length - columns.length;
  const texts = Object.fromEntries(columns.map((column, i) => [column, row[first + i]]));
  return { state, texts };
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

// Which accounts and operators had an accepted message, and which operators money, piece by piece,
// as one bit for each.
import type { Run } from '../../domain/time/tiling.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { type Statement, sql } from '../../postgres/sql.js';
import { instants } from '../../rollups/array-text.js';
import {
  type CellParameters,
  type CellRange,
  cellParameters,
  fromCells,
  MESSAGES_OF_SUMS,
  RUNS,
  SLOT_OF_CELL,
} from '../../rollups/cells.js';
import { BASE_GRAIN_MINUTES, HOUR_MINUTES } from '../../rollups/grains.js';
import { BASE_GRAIN, runOf, runsOf } from '../../rollups/runs.js';
import { type Active, bitsOf, bytesOfActive, unionOf } from '../memory/active-ids.js';
import type { ReadKind } from '../memory/load-slots.js';

const IS_HOUR = `cell.grain_minutes = ${HOUR_MINUTES}`;
const ACCEPTED = `${MESSAGES_OF_SUMS} > 0`;

type PieceParameters = CellParameters & { readonly edges: string };

// A day asks all of its hours. An id has no comma (contract, section 1).
const accounts = (id: string) => sql<PieceParameters>`
  SELECT width_bucket(run.starts_at, :edges::timestamptz[]), active.ids
    FROM ${RUNS}
   CROSS JOIN LATERAL (
     SELECT string_agg(${id}, ',') AS ids
       FROM account_outcome_sum AS cell
      WHERE cell.generation = :generation
        AND ${IS_HOUR}
        AND cell.bucket >= run.starts_at
        AND cell.bucket < run.ends_at
        AND ${ACCEPTED}) AS active
   WHERE active.ids IS NOT NULL`;
const ACCOUNTS = accounts('cell.account_id');
const ACCOUNTS_OF_DAYS = accounts('DISTINCT cell.account_id');

// Of quarters of an hour accounts have no sums: one scan finds all of them faster than a look for
// each account.
const ACCOUNTS_OF_QUARTERS = sql<PieceParameters>`
  SELECT slot, string_agg(account_id, ',')
    FROM (SELECT DISTINCT ${SLOT_OF_CELL} AS slot, cell.account_id
            ${fromCells('outcome_account', 'cell.messages > 0')}) AS active
   GROUP BY slot`;

const OPERATORS = sql<PieceParameters>`
  SELECT ${SLOT_OF_CELL} AS slot, string_agg(cell.operator_id, ',')
    ${fromCells('outcome_sum', `cell.operator_id > '' AND ${ACCEPTED}`)}
   GROUP BY slot`;

// With several currencies an id comes several times.
const PAID_OPERATORS = sql<PieceParameters>`
  SELECT ${SLOT_OF_CELL} AS slot, string_agg(cell.operator_id, ',')
    ${fromCells('money_sum', `cell.operator_id > '' AND (cell.charges > 0 OR cell.refunds > 0)`)}
   GROUP BY slot`;

/**
 * Reads of each piece the ids that were active, by piece (from 1). A piece is one cell: a quarter
 * of an hour, an hour or a day.
 */
type ReadIds = (
  snapshot: Snapshot,
  range: CellRange,
  pieces: readonly number[],
) => Promise<readonly Row[]>;

const readAccounts: ReadIds = async (snapshot, range, pieces) => {
  const isQuarter = (piece: number) => runOf(range, piece).grainMinutes === BASE_GRAIN_MINUTES;
  const quarters = pieces.filter(isQuarter);
  const runs = pieces.filter((piece) => !isQuarter(piece)).map((piece) => runOf(range, piece));
  const areDays = runs.some((run) => run.grainMinutes > HOUR_MINUTES);
  const read = (name: string, statement: Statement<PieceParameters>, of: readonly Run[]) =>
    of.length === 0 ? [] : readPieces(snapshot, range, name, statement, of);
  const found = await Promise.all([
    areDays
      ? read('active_accounts_of_days', ACCOUNTS_OF_DAYS, runs)
      : read('active_accounts', ACCOUNTS, runs),
    read(
      'active_accounts_of_quarters',
      ACCOUNTS_OF_QUARTERS,
      runsOf(range, { grains: BASE_GRAIN, slots: quarters }),
    ),
  ]);
  return found.flat();
};

const readOperators =
  (name: string, statement: Statement<PieceParameters>): ReadIds =>
  (snapshot, range, pieces) =>
    readPieces(snapshot, range, name, statement, runsOf(range, { slots: pieces }));

function readPieces(
  snapshot: Snapshot,
  range: CellRange,
  name: string,
  statement: Statement<PieceParameters>,
  runs: readonly Run[],
): Promise<Row[]> {
  const edges = instants(range.edges);
  const { text, values } = statement({ ...cellParameters(range, runs), edges });
  return snapshot.rows(name, text, values);
}

/** Accounts with an accepted message. */
export const activeAccountsKind = activeKind('active accounts', 'active accounts', readAccounts);

/** Operators with an accepted message; knows an id by the same number as the paid ones. */
export const activeOperatorsKind = activeKind(
  'active operators',
  'operators',
  readOperators('active_operators', OPERATORS),
);

/** Operators with a charge or a refund. */
export const paidOperatorsKind = activeKind(
  'paid operators',
  'operators',
  readOperators('paid_operators', PAID_OPERATORS),
);

/** By '' alone, then by piece (from 0). */
function activeKind(name: string, names: string, readIds: ReadIds): ReadKind<Active> {
  return {
    name,
    names,
    bytesOf: bytesOfActive,
    none: (dictionary) => bitsOf(dictionary, []),
    sum: unionOf,
    async read(snapshot, range, _series, slots, dictionary) {
      const rows = await readIds(snapshot, range, slots ?? [...range.edges.slice(1).keys()]);
      const active = rows.map(
        ([slot, ids]) =>
          [Number(slot) - 1, bitsOf(dictionary, (ids as string).split(','))] as const,
      );
      return new Map([['', new Map(active)]]);
    },
  };
}

// Which accounts and operators had an accepted message, and which operators money, piece by piece,
// as one bit for each.
import { BASE_GRAIN_MINUTES } from '../../domain/measures/counted.js';
import type { Run } from '../../domain/time/tiling.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import {
  BASE_GRAIN,
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  MESSAGES_OF_SUMS,
  runOf,
  runsOf,
  slotBy,
} from '../../rollups/cells.js';
import { type Dictionary, dictionaries, TEXT_BYTES } from './dictionary.js';

/** The active ones of one piece. */
export interface Active {
  readonly dictionary: Dictionary;
  /** Bit n is set where the nth id of the dictionary was active. */
  readonly bits: Uint8Array;
  readonly newTexts: number;
}

const ACCEPTED = `${MESSAGES_OF_SUMS} > 0`;

// A day asks all of its hours. An id has no comma (contract, section 1).
const accounts = (id: string) => `
  SELECT width_bucket(run.starts_at, $5::timestamptz[]), active.ids
    FROM unnest($2::smallint[], $3::timestamptz[], $4::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
   CROSS JOIN LATERAL (
     SELECT string_agg(${id}, ',') AS ids
       FROM account_outcome_sum AS cell
      WHERE cell.generation = $1
        AND cell.grain_minutes = 60
        AND cell.bucket >= run.starts_at
        AND cell.bucket < run.ends_at
        AND ${ACCEPTED}) AS active
   WHERE active.ids IS NOT NULL`;
const ACCOUNTS = accounts('cell.account_id');
const ACCOUNTS_OF_DAYS = accounts('DISTINCT cell.account_id');

// Of quarters of an hour accounts have no sums: one scan finds all of them faster than a look for
// each account.
const ACCOUNTS_OF_QUARTERS = `
  SELECT slot, string_agg(account_id, ',')
    FROM (SELECT DISTINCT ${slotBy('$5')} AS slot, cell.account_id
            ${fromCells('outcome_account', 'cell.messages > 0')}) AS active
   GROUP BY slot`;

const OPERATORS = `
  SELECT ${slotBy('$5')}, string_agg(cell.operator_id, ',')
    ${fromCells('outcome_sum', `cell.operator_id > '' AND ${ACCEPTED}`)}
   GROUP BY 1`;

// With several currencies an id comes several times.
const PAID_OPERATORS = `
  SELECT ${slotBy('$5')}, string_agg(cell.operator_id, ',')
    ${fromCells('money_sum', `cell.operator_id > '' AND (cell.charges > 0 OR cell.refunds > 0)`)}
   GROUP BY 1`;

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
  const areDays = runs.some((run) => run.grainMinutes > 60);
  const read = (name: string, text: string, of: readonly Run[]) =>
    of.length === 0 ? [] : snapshot.rows(name, text, [...cellValues(range, of), edgesValue(range)]);
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
  (name: string, text: string): ReadIds =>
  (snapshot, range, pieces) => {
    const values = [...cellValues(range, runsOf(range, { slots: pieces })), edgesValue(range)];
    return snapshot.rows(name, text, values);
  };

export const activeAccountsKind = () => activeKind('active accounts', readAccounts, dictionaries());

/**
 * Operators with an accepted message, and those with a charge or a refund; both know an id by the
 * same number.
 */
export function operatorKinds() {
  const dictionary = dictionaries();
  const [active, paid] = ['active_operators', 'paid_operators'] as const;
  return {
    activeOperators: activeKind('active operators', readOperators(active, OPERATORS), dictionary),
    paidOperators: activeKind('paid operators', readOperators(paid, PAID_OPERATORS), dictionary),
  };
}

/** By '' alone, then by piece (from 0). */
function activeKind(name: string, readIds: ReadIds, dictionary: () => Dictionary) {
  return {
    name,
    bytesOf: ({ bits, newTexts }: Active) => bits.length + newTexts * TEXT_BYTES + 300,
    none: (): Active => bitsOf(dictionary(), []),
    sum: unionOf,
    async read(
      snapshot: Snapshot,
      range: CellRange,
      _series: readonly string[],
      slots: readonly number[] | undefined,
    ): Promise<Map<string, Map<number, Active>>> {
      const rows = await readIds(snapshot, range, slots ?? [...range.edges.slice(1).keys()]);
      const active = rows.map(
        ([slot, ids]) =>
          [Number(slot) - 1, bitsOf(dictionary(), (ids as string).split(','))] as const,
      );
      return new Map([['', new Map(active)]]);
    },
  };
}

function bitsOf(dictionary: Dictionary, ids: readonly string[]): Active {
  const before = dictionary.texts.length;
  const numbers = ids.map((id) => dictionary.numberOf(id));
  const bits = new Uint8Array((dictionary.texts.length >> 3) + 1);
  for (const number of numbers)
    bits[number >> 3] = (bits[number >> 3] as number) | (1 << (number & 7));
  return { dictionary, bits, newTexts: dictionary.texts.length - before };
}

/**
 * Whoever was active in any of some pieces; undefined where they know the ids by different numbers.
 */
function unionOf(pieces: readonly Active[]): Active | undefined {
  const [dictionary, ...others] = new Set(pieces.map((piece) => piece.dictionary));
  if (dictionary === undefined || others.length > 0) return undefined;
  const bits = new Uint8Array(Math.max(...pieces.map((piece) => piece.bits.length)));
  for (const piece of pieces) addBits(bits, piece.bits);
  return { dictionary, bits, newTexts: 0 };
}

function addBits(bits: Uint8Array, more: Uint8Array): void {
  for (let i = 0; i < more.length; i++) bits[i] = (bits[i] as number) | (more[i] as number);
}

/** How many different ids some pieces have. */
export function countActive(pieces: readonly Active[]): bigint {
  const union = unionsOf(pieces);
  const [only, ...others] = union;
  if (only === undefined) return 0n;
  if (others.length === 0) return BigInt(countBits(only[1]));
  // Two dictionaries know the same id by two numbers.
  return BigInt(idsIn(union).size);
}

/** The different ids of some pieces. */
export function activeIds(pieces: readonly Active[]): Set<string> {
  return idsIn(unionsOf(pieces));
}

function unionsOf(pieces: readonly Active[]): Map<Dictionary, Uint8Array> {
  const union = new Map<Dictionary, Uint8Array>();
  for (const { dictionary, bits } of pieces) {
    let own = union.get(dictionary);
    if (own === undefined) {
      own = new Uint8Array((dictionary.texts.length >> 3) + 1);
      union.set(dictionary, own);
    }
    addBits(own, bits);
  }
  return union;
}

function idsIn(union: ReadonlyMap<Dictionary, Uint8Array>): Set<string> {
  const ids = new Set<string>();
  for (const [{ texts }, bits] of union) {
    texts.forEach((id, n) => {
      if (((bits[n >> 3] as number) >> (n & 7)) & 1) ids.add(id);
    });
  }
  return ids;
}

function countBits(bits: Uint8Array): number {
  let count = 0;
  for (let byte of bits) for (; byte !== 0; byte &= byte - 1) count++;
  return count;
}

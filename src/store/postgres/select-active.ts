/** Which accounts and operators had an accepted message, piece by piece, as one bit for each. */
import {
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  runOf,
  runsOf,
  slotBy,
} from './cells.js';
import { type Dictionary, dictionaries, TEXT_BYTES } from './dictionary.js';
import type { Row, Snapshot } from './pool.js';

/** The active ones of one piece. */
export interface Active {
  readonly dictionary: Dictionary;
  /** Bit n is set where the nth id of the dictionary was active. */
  readonly bits: Uint8Array;
  readonly newTexts: number;
}

const ACCEPTED = `cell.pending + cell.delivered + cell.undeliverable + cell.expired + cell.rejected + cell.deleted
            + cell.unknown > 0`;

// A quarter of an hour asks the accounts of its hour, a day all of its hours. An id has no comma (contract, section 1).
const accounts = (id: string) => `
  SELECT width_bucket(run.starts_at, $5::timestamptz[]), active.ids
    FROM unnest($2::smallint[], $3::timestamptz[], $4::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
   CROSS JOIN LATERAL (
     SELECT string_agg(${id}, ',') AS ids
       FROM account_outcome_sum AS cell
      WHERE cell.generation = $1
        AND cell.grain_minutes = 60
        AND cell.bucket >= date_trunc('hour', run.starts_at, 'UTC')
        AND cell.bucket < run.ends_at
        AND ${ACCEPTED}
        AND (run.grain_minutes >= 60 OR EXISTS (
              SELECT FROM outcome_account AS quarter
               WHERE quarter.generation = $1
                 AND quarter.account_id = cell.account_id
                 AND quarter.grain_minutes = 15
                 AND quarter.bucket >= run.starts_at
                 AND quarter.bucket < run.ends_at
                 AND quarter.messages > 0))) AS active
   WHERE active.ids IS NOT NULL`;
const ACCOUNTS = accounts('cell.account_id');
const ACCOUNTS_OF_DAYS = accounts('DISTINCT cell.account_id');

const OPERATORS = `
  SELECT ${slotBy('$5')}, string_agg(cell.operator_id, ',')
    ${fromCells('outcome_sum', `cell.operator_id > '' AND ${ACCEPTED}`)}
   GROUP BY 1`;

/** Reads of each piece the ids that were active, by piece (from 1). A piece is one cell: a quarter of an hour, an hour or a day. */
type ReadIds = (
  snapshot: Snapshot,
  range: CellRange,
  pieces: readonly number[],
) => Promise<readonly Row[]>;

const readAccounts: ReadIds = (snapshot, range, pieces) => {
  const runs = pieces.map((piece) => runOf(range, piece));
  const values = [...cellValues(range, runs), edgesValue(range)];
  return runs.some((run) => run.grainMinutes > 60)
    ? snapshot.rows('active_accounts_of_days', ACCOUNTS_OF_DAYS, values)
    : snapshot.rows('active_accounts', ACCOUNTS, values);
};

const readOperators: ReadIds = (snapshot, range, pieces) => {
  const values = [...cellValues(range, runsOf(range, { slots: pieces })), edgesValue(range)];
  return snapshot.rows('active_operators', OPERATORS, values);
};

export const activeAccountsKind = () => activeKind('active accounts', readAccounts);
export const activeOperatorsKind = () => activeKind('active operators', readOperators);

/** By '' alone, then by piece (from 0). */
function activeKind(name: string, readIds: ReadIds) {
  const dictionary = dictionaries();
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

/** Whoever was active in any of some pieces; undefined where they know the ids by different numbers. */
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
  const union = new Map<Dictionary, Uint8Array>();
  for (const { dictionary, bits } of pieces) {
    let own = union.get(dictionary);
    if (own === undefined) {
      own = new Uint8Array((dictionary.texts.length >> 3) + 1);
      union.set(dictionary, own);
    }
    addBits(own, bits);
  }
  const [only, ...others] = union;
  if (only === undefined) return 0n;
  if (others.length === 0) return BigInt(countBits(only[1]));
  // Two dictionaries know the same id by two numbers.
  const ids = new Set<string>();
  for (const [{ texts }, bits] of union) {
    texts.forEach((id, n) => {
      if (((bits[n >> 3] as number) >> (n & 7)) & 1) ids.add(id);
    });
  }
  return BigInt(ids.size);
}

function countBits(bits: Uint8Array): number {
  let count = 0;
  for (let byte of bits) for (; byte !== 0; byte &= byte - 1) count++;
  return count;
}

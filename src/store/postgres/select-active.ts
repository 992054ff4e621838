/** Which accounts and operators had an accepted message, piece by piece, as one bit for each. */
import { MICROS_PER_MINUTE } from '../../domain/instant.js';
import type { Run } from '../../domain/tiling.js';
import { type CellRange, cellValues, edgesValue } from './cells.js';
import { type Dictionary, dictionaries, TEXT_BYTES } from './dictionary.js';
import type { Snapshot } from './pool.js';

/** The active ones of one piece. */
export interface Active {
  readonly dictionary: Dictionary;
  /** Bit n is set where the nth id of the dictionary was active. */
  readonly bits: Uint8Array;
  readonly newTexts: number;
}

// A quarter of an hour asks the accounts of its hour, a day all of its hours. An id has no comma (contract, section 1).
const ACCEPTED = `cell.pending + cell.delivered + cell.undeliverable + cell.expired + cell.rejected + cell.deleted
            + cell.unknown > 0`;
const ACCOUNTS = `
  SELECT width_bucket(run.starts_at, $5::timestamptz[]), string_agg(DISTINCT active.account_id, ',')
    FROM unnest($2::smallint[], $3::timestamptz[], $4::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
   CROSS JOIN LATERAL (
     SELECT cell.account_id
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
                 AND quarter.messages > 0))
     OFFSET 0) AS active
   GROUP BY 1`;

const OPERATORS = `
  SELECT width_bucket(run.starts_at, $5::timestamptz[]), string_agg(cell.operator_id, ',')
    FROM unnest($2::smallint[], $3::timestamptz[], $4::timestamptz[]) AS run (grain_minutes, starts_at, ends_at)
   CROSS JOIN LATERAL (
     SELECT cell.operator_id
       FROM outcome_sum AS cell
      WHERE cell.generation = $1
        AND cell.grain_minutes = run.grain_minutes
        AND cell.operator_id > ''
        AND cell.bucket >= run.starts_at
        AND cell.bucket < run.ends_at
        AND ${ACCEPTED}
     OFFSET 0) AS cell
   GROUP BY 1`;

export const activeAccountsKind = () => activeKind('active accounts', ACCOUNTS);
export const activeOperatorsKind = () => activeKind('active operators', OPERATORS);

/** By '' alone, then by piece (from 0). */
function activeKind(name: string, statement: string) {
  const dictionary = dictionaries();
  return {
    name,
    bytesOf: ({ bits, newTexts }: Active) => bits.length + newTexts * TEXT_BYTES + 300,
    none: (): Active => bitsOf(dictionary(), []),
    async read(
      snapshot: Snapshot,
      range: CellRange,
      _series: readonly string[],
      slots: readonly number[] | undefined,
    ): Promise<Map<string, Map<number, Active>>> {
      const pieces = slots ?? range.edges.slice(1).keys();
      const runs = [...pieces].map((piece) => runOf(range, piece));
      const values = [...cellValues(range, runs), edgesValue(range)];
      const rows = await snapshot.rows(name.replace(' ', '_'), statement, values);
      const active = rows.map(
        ([slot, ids]) =>
          [Number(slot) - 1, bitsOf(dictionary(), (ids as string).split(','))] as const,
      );
      return new Map([['', new Map(active)]]);
    },
  };
}

/** A piece is one cell: a quarter of an hour, an hour or a day. */
function runOf({ edges }: CellRange, piece: number): Run {
  const [from, to] = [edges[piece] as number, edges[piece + 1] as number];
  return { grainMinutes: (to - from) / MICROS_PER_MINUTE, from, to };
}

function bitsOf(dictionary: Dictionary, ids: readonly string[]): Active {
  const before = dictionary.texts.length;
  const numbers = ids.map((id) => dictionary.numberOf(id));
  const bits = new Uint8Array((dictionary.texts.length >> 3) + 1);
  for (const number of numbers)
    bits[number >> 3] = (bits[number >> 3] as number) | (1 << (number & 7));
  return { dictionary, bits, newTexts: dictionary.texts.length - before };
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
    for (let i = 0; i < bits.length; i++) own[i] = (own[i] as number) | (bits[i] as number);
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

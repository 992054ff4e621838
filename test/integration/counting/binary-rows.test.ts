// What is written in the binary format is what Postgres reads: every type, over its whole range.

import fc from 'fast-check';
import pg from 'pg';
import { expect, it } from 'vitest';
import {
  bigint,
  boolean,
  column,
  date,
  encodeRows,
  integer,
  nameElementType,
  nullable,
  numeric,
  smallint,
  text,
  timestamptz,
  uuid,
} from '../../../src/counting/ledger/binary-rows.js';
import { formatNanos } from '../../../src/domain/measures/decimal.js';
import { formatInstant } from '../../../src/domain/time/instant.js';
import { createDatabase } from '../../support/engines.js';

interface Row {
  readonly flag: boolean;
  readonly small: number | undefined;
  readonly whole: number;
  readonly big: bigint;
  readonly day: number;
  readonly at: number;
  readonly id: string;
  readonly name: string;
  readonly amount: bigint;
}

const COLUMNS = [
  column('flag', boolean, (row: Row) => row.flag),
  column('small', nullable(smallint), (row: Row) => row.small),
  column('whole', integer, (row: Row) => row.whole),
  column('big', bigint, (row: Row) => row.big),
  column('day', date, (row: Row) => row.day),
  column('at', timestamptz, (row: Row) => row.at),
  column('id', uuid, (row: Row) => row.id),
  column('name', text, (row: Row) => row.name),
  column('amount', numeric, (row: Row) => row.amount),
];

const micros = fc.integer({ min: -(2 ** 50), max: 2 ** 52 });
const row: fc.Arbitrary<Row> = fc.record({
  flag: fc.boolean(),
  small: fc.option(fc.integer({ min: -32_768, max: 32_767 }), { nil: undefined }),
  whole: fc.maxSafeInteger(),
  big: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  day: fc.integer({ min: -20_000, max: 60_000 }),
  at: fc.oneof(micros, fc.constantFrom(Infinity, -Infinity)),
  id: fc.uuid(),
  name: fc.string({ unit: 'binary', maxLength: 200 }).map((name) => name.replaceAll('\0', '')),
  amount: fc.oneof(fc.bigInt(-(10n ** 27n) + 1n, 10n ** 27n - 1n), fc.bigInt(0n, 10n ** 12n)),
});

it('reads back every value as it was written', async () => {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.superuserUrl });
  await client.connect();
  await client.query(
    `CREATE TYPE written AS (${COLUMNS.map(({ name, sql }) => `${name} ${sql}`).join(', ')})`,
  );
  const { rows } = await client.query(`SELECT 'written'::regtype::oid AS oid`);
  const instant = `CASE WHEN isfinite(at) THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE at::text END`;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (written) => {
      const array = encodeRows(COLUMNS, written);
      nameElementType(array, rows[0].oid);
      const read = await client.query({
        text: `SELECT flag, small, whole::text, big::text, day - date '1970-01-01' AS day, ${instant} AS at, id, name,
                 amount = ($2::numeric[])[n] AS same_amount
               FROM unnest($1::written[]) WITH ORDINALITY
                 AS t (${COLUMNS.map(({ name }) => name).join(', ')}, n) ORDER BY n`,
        values: [array, written.map(({ amount }) => formatNanos(amount))],
      });
      expect(read.rows).toEqual(
        written.map(({ small, whole, big, at, amount: _, ...rest }) => ({
          ...rest,
          small: small ?? null,
          whole: `${whole}`,
          big: `${big}`,
          at: Number.isFinite(at) ? sixDecimals(at) : at > 0 ? 'infinity' : '-infinity',
          same_amount: true,
        })),
      );
    }),
  );
  await client.end();
});

function sixDecimals(at: number): string {
  const whole = Math.floor(at / 1e6);
  const fraction = String(at - whole * 1e6).padStart(6, '0');
  return formatInstant(whole * 1e6).replace(/(\.\d+)?Z$/, `.${fraction}Z`);
}

// The start of a rebuild: a generation beside the serving one. In one snapshot of the serving one,
// the ledger's days and the buckets before H are copied, and the buckets from H on are computed
// from the copied ledger rows (charges, refunds and reports of later instants). Replaying the
// stream then adds the messages accepted from H on; whatever it brings of earlier ones is in the
// copied rows already.
import type { Pool, PoolClient } from 'pg';
import { ENTRY_COLUMNS, REFUND_COLUMNS } from '../../counting/ledger/batch-columns.js';
import { rollupCtes } from '../../counting/ledger/rollup-statement.js';
import { type EpochDay, type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import type { PrismaClient } from '../../postgres/prisma/prisma.js';
import { writing } from '../../postgres/prisma/prisma-failure.js';
import { sql } from '../../postgres/sql.js';
import { ROLLUP_TABLES } from '../../rollups/tables.js';
import { ledgerDaysBelow } from '../retention/retention.js';

/** A generation to be filled. */
export interface Rebuild {
  readonly generation: number;
  readonly base: number;
  /** H: a UTC midnight. */
  readonly rebuiltFrom: EpochMicros;
}

/**
 * Records the next generation as building, with its own durable. Fails where one is building
 * already.
 */
export async function insertBuilding(
  pool: Pick<Pool, 'query'>,
  base: number,
  rebuiltFrom: EpochMicros,
): Promise<Rebuild> {
  const { rows } = await pool.query<{ generation: number }>(
    `INSERT INTO generation (generation, state, durable, ledger_floor, base_generation, rebuilt_from)
     SELECT next, 'building', 'analytics-rollup-g' || next, ledger_floor, generation, $2
     FROM generation, LATERAL (SELECT max(generation) + 1 AS next FROM generation) AS n
     WHERE generation = $1 AND state = 'serving'
       AND NOT EXISTS (SELECT FROM generation WHERE state = 'building')
     RETURNING generation`,
    [base, formatInstant(rebuiltFrom)],
  );
  const generation = rows[0]?.generation;
  if (generation === undefined) {
    throw new Error(`Generation ${base} does not serve any more, or another one is being built`);
  }
  return { generation, base, rebuiltFrom };
}

/** Makes the partitions and the ledger's days that the base has, and those ahead. Repeatable. */
export async function prepareGeneration(
  pool: Pick<Pool, 'query'>,
  { generation, base }: Rebuild,
): Promise<void> {
  await pool.query('SELECT create_generation_partitions($1)', [generation]);
  await pool.query(
    `SELECT create_ledger_days($1,
       coalesce((SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD'))
                 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 WHERE i.inhparent = to_regclass('ledger_g' || $2::int)), today),
       today + 2)
     FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t`,
    [generation, base],
  );
}

const LEDGER_COLUMNS = [...ENTRY_COLUMNS.map(({ name }) => name), 'charge_stream'];
const COPIED_REFUND_COLUMNS = [...REFUND_COLUMNS.map(({ name }) => name), 'stream'];

function copyDays(table: 'ledger' | 'refund', columns: readonly string[]): string {
  return `INSERT INTO ${table} (generation, ${columns.join(', ')})
    SELECT $1::smallint, ${columns.join(', ')} FROM ${table}
    WHERE generation = $2 AND accepted_day = $3::date`;
}

/**
 * Every grain: H is a UTC midnight, so a bucket that begins before it ends by then. Rows fallen to
 * zero stay behind.
 */
const COPY_ROLLUPS = ROLLUP_TABLES.map(({ table, keys, measures, packed }) => {
  const own = packed?.columns ?? [...keys, ...measures];
  const columns = ['grain_minutes', 'bucket', ...own].join(', ');
  return `INSERT INTO ${table} (generation, ${columns})
    SELECT $1::smallint, ${columns} FROM ${table} WHERE generation = $2 AND bucket < $3::timestamptz
      ${packed === undefined ? `AND (${measures.map((one) => `${one} <> 0`).join(' OR ')})` : ''}`;
});

/** The types of what `moved` has an old side of, where it is read. */
const MOVED_COLUMNS: readonly [name: string, type: string][] = [
  ['accepted_at', 'timestamptz'],
  ['delivered_seen', 'boolean'],
  ['failure_seen', 'boolean'],
  ['report_class', 'smallint'],
  ['reported_at', 'timestamptz'],
  ['report_account', 'text'],
  ['report_operator', 'text'],
  ['outcome', 'text'],
  ['reason', 'text'],
  ['latency_bin', 'smallint'],
  ['charged_at', 'timestamptz'],
  ['charge_event', 'text'],
  ['segments', 'smallint'],
  ['amount', 'numeric'],
  ['currency', 'text'],
  ['charge_account', 'text'],
  ['charge_operator', 'text'],
];
const MOVED_REFUND_COLUMNS: readonly [name: string, type: string][] = [
  ['refunded_at', 'timestamptz'],
  ['amount', 'numeric'],
  ['currency', 'text'],
  ['account_id', 'text'],
  ['operator_id', 'text'],
];
const appeared = (columns: readonly [string, string][]) =>
  columns.map(([name, type]) => `NULL::${type} AS old_${name}, ${name} AS new_${name}`).join(', ');

/**
 * Rows copied into the generation that have something to count from `since` (H) on, as if they had
 * just appeared.
 */
const COMPUTE_LATER = sql<{ readonly generation: number; readonly since: string }>`
WITH moved AS MATERIALIZED (
  SELECT ${appeared(MOVED_COLUMNS)} FROM ledger
  WHERE generation = :generation
    AND (charge_event <> '' AND charged_at >= :since::timestamptz
      OR report_class >= 3 AND reported_at >= :since::timestamptz)),
moved_refund AS MATERIALIZED (
  SELECT ${appeared(MOVED_REFUND_COLUMNS)} FROM refund
  WHERE generation = :generation AND refunded_at >= :since::timestamptz),
${rollupCtes(':since::timestamptz')}
SELECT`;

/**
 * Copies and computes in one transaction, and marks the generation as copied. Killed before its
 * end, it leaves nothing. `tell` hears of the steps done of all.
 */
export async function copyGeneration(
  pool: Pool,
  { generation, base, rebuiltFrom }: Rebuild,
  before: EpochDay,
  tell: (done: number, all: number) => void,
): Promise<void> {
  const days = await ledgerDaysBelow(pool, base, before);
  const all = days.length + COPY_ROLLUPS.length + 1;
  let done = 0;
  const client: PoolClient = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    for (const day of days) {
      await client.query(copyDays('ledger', LEDGER_COLUMNS), [generation, base, day]);
      await client.query(copyDays('refund', COPIED_REFUND_COLUMNS), [generation, base, day]);
      tell(++done, all);
    }
    const from = formatInstant(rebuiltFrom);
    for (const text of COPY_ROLLUPS) {
      await client.query(text, [generation, base, from]);
      tell(++done, all);
    }
    await client.query(COMPUTE_LATER({ generation, since: from }));
    await client.query(
      `UPDATE generation SET copied_at = now(),
         ledger_floor = (SELECT ledger_floor FROM generation WHERE generation = $2)
       WHERE generation = $1 AND state = 'building'`,
      [generation, base],
    );
    await client.query('COMMIT');
    tell(++done, all);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** Moves H before anything is copied: the stream has gone on since the rebuild was begun. */
export async function setRebuiltFrom(
  prisma: Pick<PrismaClient, 'generation'>,
  generation: number,
  rebuiltFrom: EpochMicros,
): Promise<void> {
  await writing(
    prisma.generation.updateMany({
      where: { generation, copiedAt: null },
      data: { rebuiltFrom: new Date(rebuiltFrom / 1_000) },
    }),
  );
}

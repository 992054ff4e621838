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

const INSERT_BUILDING = sql<{ base: number; rebuiltFrom: string }>`
INSERT INTO generation
  (generation, state, durable, ledger_floor, base_generation, rebuilt_from)
SELECT
  next,
  'building',
  'analytics-rollup-g' || next,
  ledger_floor,
  generation,
  :rebuiltFrom
FROM generation, LATERAL (SELECT max(generation) + 1 AS next FROM generation) AS n
WHERE generation = :base
  AND state = 'serving'
  AND NOT EXISTS (SELECT FROM generation WHERE state = 'building')
RETURNING generation`;

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
    INSERT_BUILDING({ base, rebuiltFrom: formatInstant(rebuiltFrom) }),
  );
  const generation = rows[0]?.generation;
  if (generation === undefined) {
    throw new Error(`Generation ${base} does not serve any more, or another one is being built`);
  }
  return { generation, base, rebuiltFrom };
}

const CREATE_PARTITIONS = sql<{ generation: number }>`
SELECT create_generation_partitions(:generation)`;

const CREATE_DAYS = sql<{ generation: number; base: number }>`
SELECT create_ledger_days(:generation, coalesce(first_day, today), today + 2)
FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t,
  (
    SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')) AS first_day
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('ledger_g' || :base::int)
  ) AS of_base`;

/** Makes the partitions and the ledger's days that the base has, and those ahead. Repeatable. */
export async function prepareGeneration(
  pool: Pick<Pool, 'query'>,
  { generation, base }: Rebuild,
): Promise<void> {
  await pool.query(CREATE_PARTITIONS({ generation }));
  await pool.query(CREATE_DAYS({ generation, base }));
}

const LEDGER_COLUMNS = [...ENTRY_COLUMNS.map(({ name }) => name), 'charge_stream'];
const COPIED_REFUND_COLUMNS = [...REFUND_COLUMNS.map(({ name }) => name), 'stream'];

const listed = (columns: readonly string[]) => columns.join(',\n  ');

const copyDay = (table: 'ledger' | 'refund', columns: readonly string[]) => sql<{
  generation: number;
  base: number;
  day: string;
}>`
INSERT INTO ${table} (
  generation,
  ${listed(columns)}
)
SELECT
  :generation::smallint,
  ${listed(columns)}
FROM ${table}
WHERE generation = :base
  AND accepted_day = :day::date`;

const COPY_LEDGER_DAY = copyDay('ledger', LEDGER_COLUMNS);
const COPY_REFUND_DAY = copyDay('refund', COPIED_REFUND_COLUMNS);

/**
 * Every grain: H is a UTC midnight, so a bucket that begins before it ends by then. Rows fallen to
 * zero stay behind.
 */
const COPY_ROLLUPS = ROLLUP_TABLES.map(({ table, keys, measures, packed }) => {
  const columns = listed([
    'grain_minutes',
    'bucket',
    ...(packed?.columns ?? [...keys, ...measures]),
  ]);
  const notZero = `\n  AND (${measures.map((one) => `${one} <> 0`).join(' OR ')})`;
  return sql<{ generation: number; base: number; from: string }>`
INSERT INTO ${table} (
  generation,
  ${columns}
)
SELECT
  :generation::smallint,
  ${columns}
FROM ${table}
WHERE generation = :base
  AND bucket < :from::timestamptz${packed === undefined ? notZero : ''}`;
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
  columns
    .map(([name, type]) => `NULL::${type} AS old_${name},\n    ${name} AS new_${name}`)
    .join(',\n    ');

/**
 * $1 generation, $2 H, as the CTEs of counting have them: rows copied into it that have something
 * to count from H on, as if they had just appeared.
 */
const COMPUTE_LATER = sql<{ generation: number; since: string }>`
WITH moved AS MATERIALIZED (
  SELECT
    ${appeared(MOVED_COLUMNS)}
  FROM ledger
  WHERE generation = :generation
    AND (
      charge_event <> '' AND charged_at >= :since::timestamptz
      OR report_class >= 3 AND reported_at >= :since::timestamptz
    )
),
moved_refund AS MATERIALIZED (
  SELECT
    ${appeared(MOVED_REFUND_COLUMNS)}
  FROM refund
  WHERE generation = :generation
    AND refunded_at >= :since::timestamptz
),
${rollupCtes(':since::timestamptz')}
SELECT`;

const MARK_COPIED = sql<{ generation: number; base: number }>`
UPDATE generation
SET copied_at = now(),
  ledger_floor = (SELECT ledger_floor FROM generation WHERE generation = :base)
WHERE generation = :generation
  AND state = 'building'`;

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
      await client.query(COPY_LEDGER_DAY({ generation, base, day }));
      await client.query(COPY_REFUND_DAY({ generation, base, day }));
      tell(++done, all);
    }
    const from = formatInstant(rebuiltFrom);
    for (const copyRollup of COPY_ROLLUPS) {
      await client.query(copyRollup({ generation, base, from }));
      tell(++done, all);
    }
    await client.query(COMPUTE_LATER({ generation, since: from }));
    await client.query(MARK_COPIED({ generation, base }));
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

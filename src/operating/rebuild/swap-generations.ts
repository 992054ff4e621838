// The moment of a rebuild: the new generation serves, the old one is retired, in one transaction
// that no ingest transaction overlaps. Afterwards the old one's tables go, once no reader is left.
import type { Pool } from 'pg';
import type { PrismaClient } from '../../postgres/prisma/prisma.js';
import { writing } from '../../postgres/prisma/prisma-failure.js';
import { sql } from '../../postgres/sql.js';
import { impatiently } from '../impatient.js';

interface Pair {
  old: number;
  next: number;
}

const LOCK_ROWS = sql<Pair>`
SELECT
FROM generation
WHERE generation IN (:old, :next)
ORDER BY generation
FOR UPDATE`;

const REACHED = sql<Pair>`
SELECT
  max(data_as_of) FILTER (WHERE generation = :next)
    >= coalesce(max(data_as_of) FILTER (WHERE generation = :old), '-infinity') AS reached
FROM ingest_progress`;

const RETIRE_SERVING = sql<{ generation: number }>`
UPDATE generation
SET state = 'retired'
WHERE generation = :generation
  AND state = 'serving'`;

const SERVE_BUILDING = sql<{ generation: number }>`
UPDATE generation
SET state = 'serving', served_at = now()
WHERE generation = :generation
  AND state = 'building'
  AND copied_at IS NOT NULL`;

/**
 * Swaps where the new generation's watermark has reached the old one's; false where it has not, or
 * where a lock was not to be had in time: try again.
 */
export async function swapGenerations(pool: Pool, old: number, next: number): Promise<boolean> {
  const swapped = await impatiently(pool, async (client) => {
    await client.query(LOCK_ROWS({ old, next }));
    // Every ingest transaction writes here: none is under way now, and none begins before the end.
    await client.query('LOCK TABLE ingest_progress IN SHARE MODE');
    const { rows } = await client.query<{ reached: boolean | null }>(REACHED({ old, next }));
    const isSwapped = rows[0]?.reached === true && (await exchange(client, old, next));
    return isSwapped ? true : undefined;
  });
  return swapped === true;
}

async function exchange(client: Pick<Pool, 'query'>, old: number, next: number): Promise<boolean> {
  const retired = await client.query(RETIRE_SERVING({ generation: old }));
  const serving = await client.query(SERVE_BUILDING({ generation: next }));
  if (retired.rowCount !== 1 || serving.rowCount !== 1) {
    throw new Error(`Generation ${old} does not serve or ${next} is not being built any more`);
  }
  return true;
}

/** Gives a building generation up: its ingest processes stop by themselves. */
export async function retireBuilding(
  prisma: Pick<PrismaClient, 'generation'>,
  generation: number,
): Promise<void> {
  await writing(
    prisma.generation.updateMany({
      where: { generation, state: 'building' },
      data: { state: 'retired' },
    }),
  );
}

const UNCLEANED = sql`
SELECT generation, durable
FROM generation
WHERE state = 'retired'
  AND coalesce(
    to_regclass('ledger_g' || generation),
    to_regclass('throughput_platform_g' || generation)
  ) IS NOT NULL
ORDER BY generation`;

/** Retired generations that still hold tables. */
export async function readUncleaned(
  pool: Pick<Pool, 'query'>,
): Promise<{ readonly generation: number; readonly durable: string }[]> {
  const { rows } = await pool.query<{ generation: number; durable: string }>(UNCLEANED({}));
  return rows;
}

const AGE_OF_LOOK = sql<{ generation: number }>`
SELECT extract(epoch FROM now() - max(looked_at)) AS age
FROM ingest_progress
WHERE generation = :generation`;

/**
 * Seconds since the last look of any ingest process of a generation; undefined where none ever
 * looked.
 */
export async function secondsSinceLook(
  pool: Pick<Pool, 'query'>,
  generation: number,
): Promise<number | undefined> {
  const { rows } = await pool.query<{ age: string | null }>(AGE_OF_LOOK({ generation }));
  return rows[0]?.age == null ? undefined : Number(rows[0].age);
}

/**
 * A mark in time: a reader with a snapshot from before it may still mean a retired generation.
 */
export async function markNow(pool: Pick<Pool, 'query'>): Promise<string> {
  const { rows } = await pool.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid');
  return rows[0]?.xid ?? '0';
}

const OLDER_READERS = sql<{ mark: string }>`
SELECT count(*)::int AS count
FROM pg_stat_activity
WHERE datname = current_database()
  AND pid <> pg_backend_pid()
  AND backend_type = 'client backend'
  AND age(backend_xmin) > age(:mark::text::xid8::xid)`;

/** How many sessions still read with a snapshot from before the mark. */
export async function countOlderReaders(pool: Pick<Pool, 'query'>, mark: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(OLDER_READERS({ mark }));
  return rows[0]?.count ?? 0;
}

const DROP = sql<{ generation: number }>`
SELECT drop_generation_partitions(:generation) AS name`;

/** Drops everything that a retired generation holds; undefined where a lock was not to be had. */
export function dropGeneration(pool: Pool, generation: number): Promise<string[] | undefined> {
  return impatiently(pool, async (client) => {
    const { rows } = await client.query<{ name: string }>(DROP({ generation }));
    return rows.map(({ name }) => name);
  });
}

// Forgetting, without counting anything twice. The ledger's days go by dropping partitions; the
// floor below which events are refused rises in the same transaction. Rollups go by whole UTC days.
// Progress rows of dead processes are folded, so that no sum of theirs goes back.

import type { Pool } from 'pg';
import { type EpochDay, formatDay } from '../../domain/time/instant.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';
import { impatiently } from '../impatient.js';

/** Compared as text: any pg_class row may pass by a filter, and few names end in a date. */
const DAYS_BELOW = sql<{ generation: number; before: string }>`
SELECT DISTINCT to_date(right(c.relname, 8), 'YYYYMMDD')::text AS day
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent IN (
    to_regclass('ledger_g' || :generation::int),
    to_regclass('refund_g' || :generation::int)
  )
  AND right(c.relname, 8) < to_char(:before::date, 'YYYYMMDD')
ORDER BY day`;

/** The ledger's day partitions below `before`, `YYYY-MM-DD`. */
export async function ledgerDaysBelow(
  pool: Queryable,
  generation: number,
  before: EpochDay,
): Promise<string[]> {
  const { rows } = await pool.query<{ day: string }>(
    DAYS_BELOW({ generation, before: formatDay(before) }),
  );
  return rows.map(({ day }) => day);
}

const DROP_DAYS = sql<{ generation: number; before: string }>`
SELECT drop_ledger_days(:generation, :before) AS name`;

/**
 * Raises the floor to `before` and drops the days below it; returns the names of the partitions.
 * Undefined where a lock was not to be had: try again.
 */
export function dropLedgerDays(
  pool: Pool,
  generation: number,
  before: EpochDay,
): Promise<string[] | undefined> {
  return impatiently(pool, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      DROP_DAYS({ generation, before: formatDay(before) }),
    );
    return rows.map(({ name }) => name);
  });
}

/** Rows of one rollup that are kept for one time. */
export interface RollupTier {
  readonly table: string;
  /** Bucket sizes of the tier, in SQL: `grain_minutes` compared with it. */
  readonly grains: '= 1' | '> 1';
  readonly keptFor: 'minuteDays' | 'rollupDays';
}

export const ROLLUP_TIERS: readonly RollupTier[] = [
  { table: 'outcome_account', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'outcome_account_day', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'outcome_platform', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'money_account', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'latency_platform', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'throughput_platform', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'outcome_sum', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'money_sum', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'latency_histogram', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'throughput_sum', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'account_outcome_sum', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'account_money_sum', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'account_usage_day', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'day_version', grains: '> 1', keptFor: 'rollupDays' },
  { table: 'throughput_platform', grains: '= 1', keptFor: 'minuteDays' },
];

const oldestDay = ({ table, grains }: RollupTier) => sql<{ generation: number; before: string }>`
SELECT (min(bucket) AT TIME ZONE 'UTC')::date - date '1970-01-01' AS day
FROM ${table}
WHERE generation = :generation
  AND grain_minutes ${grains}
  AND bucket < :before::date::timestamp AT TIME ZONE 'UTC'`;

const deleteDay = ({ table, grains }: RollupTier) => sql<{ generation: number; day: string }>`
DELETE FROM ${table}
WHERE generation = :generation
  AND grain_minutes ${grains}
  AND bucket >= :day::date::timestamp AT TIME ZONE 'UTC'
  AND bucket < (:day::date + 1)::timestamp AT TIME ZONE 'UTC'`;

/** The first UTC day of a tier that has rows, where it is below `before`. */
export async function oldestRollupDay(
  pool: Queryable,
  tier: RollupTier,
  generation: number,
  before: EpochDay,
): Promise<EpochDay | undefined> {
  const { rows } = await pool.query<{ day: number | null }>(
    oldestDay(tier)({ generation, before: formatDay(before) }),
  );
  return rows[0]?.day ?? undefined;
}

/** Deletes the rows of one UTC day of a tier; returns how many. */
export async function deleteRollupDay(
  pool: Queryable,
  tier: RollupTier,
  generation: number,
  day: EpochDay,
): Promise<number> {
  const { rowCount } = await pool.query(deleteDay(tier)({ generation, day: formatDay(day) }));
  return rowCount ?? 0;
}

/** Rows that belong to no process: of the retired ones together, and of ops. */
const RETIRED = 'retired';
const OPS = 'ops';
/** `ops` counts replayed dead letters under this name. */
export const OPS_WORKER = OPS;

/** Processes whose last look is older than this are dead. */
const DEAD_AFTER = `interval '1 day'`;
const DEAD = `worker NOT IN ('${RETIRED}', '${OPS}')
  AND looked_at < now() - ${DEAD_AFTER}`;

const COUNT_DEAD = sql`
SELECT count(*)::int AS count
FROM ingest_progress
WHERE ${DEAD}`;

const FOLD_DEAD = sql`
WITH gone AS (
  DELETE FROM ingest_progress
  WHERE ${DEAD}
  RETURNING *
),
folded AS (
  INSERT INTO ingest_progress AS p (
    worker,
    generation,
    stream_id,
    revision,
    highest_sequence,
    highest_published_at,
    committed,
    data_as_of,
    looked_at
  )
  SELECT
    '${RETIRED}',
    generation,
    stream_id,
    sum(revision),
    max(highest_sequence),
    (array_agg(highest_published_at ORDER BY highest_sequence DESC))[1],
    range_agg(committed),
    max(data_as_of),
    max(looked_at)
  FROM gone
  GROUP BY generation, stream_id
  ON CONFLICT (generation, stream_id, worker) DO UPDATE
  SET revision = p.revision + excluded.revision,
    highest_sequence = greatest(p.highest_sequence, excluded.highest_sequence),
    highest_published_at = CASE
      WHEN excluded.highest_sequence > p.highest_sequence THEN excluded.highest_published_at
      ELSE p.highest_published_at
    END,
    committed = coalesce(p.committed, '{}') + coalesce(excluded.committed, '{}'),
    data_as_of = greatest(p.data_as_of, excluded.data_as_of),
    looked_at = greatest(p.looked_at, excluded.looked_at)
)
SELECT count(*)::int AS count
FROM gone`;

/** How many progress rows are of dead processes. */
export async function countDeadWorkers(pool: Queryable): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(COUNT_DEAD({}));
  return rows[0]?.count ?? 0;
}

/**
 * Folds the progress rows of dead processes into one row per generation and stream, in one
 * statement: revision and data_as_of as readers see them stay the same. Returns how many rows went.
 */
export async function foldDeadWorkers(pool: Queryable): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(FOLD_DEAD({}));
  return rows[0]?.count ?? 0;
}

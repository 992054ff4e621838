// What `ops status` asks of Postgres: who counts, which ledger days exist, what looks odd in the
// ledger. The two questions over the whole ledger are bounded in time, so on a large one they may
// stay without an answer.

import type { Pool, PoolClient } from 'pg';
import type { EpochMicros } from '../../domain/time/instant.js';
import { micros } from '../../postgres/epoch-micros.js';
import { sql } from '../../postgres/sql.js';

const optional = (value: string | null) => (value === null ? undefined : Number(value));

/** One row of ingest_progress. */
export interface IngestWorker {
  readonly worker: string;
  readonly generation: number;
  readonly streamId: number;
  readonly revision: bigint;
  readonly highestSequence: number;
  readonly dataAsOf: EpochMicros | undefined;
  readonly lookedAt: EpochMicros | undefined;
  readonly secondsSinceLook: number | undefined;
}

const WORKERS = sql`
SELECT
  worker,
  p.generation,
  stream_id,
  revision,
  highest_sequence,
  ${micros('data_as_of')} AS data_as_of,
  ${micros('looked_at')} AS looked_at,
  round(extract(epoch FROM now() - looked_at), 1) AS age
FROM ingest_progress p
JOIN generation g USING (generation)
WHERE g.state <> 'retired'
ORDER BY looked_at DESC NULLS LAST, worker`;

/** Everyone who ever counted into a generation that is not retired, the latest look first. */
export async function readIngestWorkers(pool: Pick<Pool, 'query'>): Promise<IngestWorker[]> {
  const { rows } = await pool.query<Record<string, string | null>>(WORKERS({}));
  return rows.map((row) => ({
    worker: String(row.worker),
    generation: Number(row.generation),
    streamId: Number(row.stream_id),
    revision: BigInt(row.revision ?? 0),
    highestSequence: Number(row.highest_sequence),
    dataAsOf: optional(row.data_as_of ?? null),
    lookedAt: optional(row.looked_at ?? null),
    secondsSinceLook: optional(row.age ?? null),
  }));
}

/** The ledger's day partitions of a generation. Days as `YYYY-MM-DD`. */
export interface LedgerDays {
  readonly generation: number;
  readonly dayCount: number;
  readonly firstDay: string | undefined;
  readonly lastDay: string | undefined;
  /**
   * From the first day (or today) to the day after tomorrow without a partition, and all
   * `goneDays`.
   */
  readonly missingDays: readonly string[];
  /** Those on which rollups count messages (contract, section 2): their events are refused. */
  readonly goneDays: readonly string[];
}

interface LedgerDaysRow {
  readonly count: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly missing: string[];
  readonly gone: string[];
}

const LEDGER_DAYS = sql<{ generation: number }>`
WITH day AS (
  SELECT ledger_days(:generation::smallint, 'ledger') AS day
),
gone AS (
  SELECT missing_ledger_days(:generation::smallint) AS day
),
span AS (
  SELECT least(today, (SELECT min(day) FROM day)) AS first, today + 2 AS last
  FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t
),
missing AS (
  SELECT wanted::date AS day
  FROM span, generate_series(first, last, '1 day') AS wanted
  WHERE wanted::date NOT IN (SELECT day FROM day)
  UNION
  SELECT day
  FROM gone
)
SELECT
  count(*)::int AS count,
  min(day)::text AS first,
  max(day)::text AS last,
  ARRAY(SELECT day::text FROM missing ORDER BY missing.day) AS missing,
  ARRAY(SELECT day::text FROM gone ORDER BY gone.day) AS gone
FROM day`;

export async function readLedgerDays(
  pool: Pick<Pool, 'query'>,
  generation: number,
): Promise<LedgerDays> {
  const { rows } = await pool.query<LedgerDaysRow>(LEDGER_DAYS({ generation }));
  const row = rows[0];
  return {
    generation,
    dayCount: row?.count ?? 0,
    firstDay: row?.first ?? undefined,
    lastDay: row?.last ?? undefined,
    missingDays: row?.missing ?? [],
    goneDays: row?.gone ?? [],
  };
}

/** How many messages have it, and a few of them. */
export interface Oddity {
  readonly count: number;
  readonly sample: readonly string[];
}

/**
 * Ids of messages on two days: two messages by the contract, yet hardly meant so.
 */
const IDS_ON_TWO_DAYS = `
  SELECT message_id
  FROM (
    SELECT accepted_day, message_id
    FROM ledger
    WHERE generation = :generation
    UNION
    SELECT accepted_day, message_id
    FROM refund
    WHERE generation = :generation
  ) AS message
  GROUP BY message_id
  HAVING count(*) > 1`;

/**
 * Messages whose refunds exceed their charge, or are in another currency; without a charge there is
 * nothing to exceed.
 */
const OVER_REFUNDED = `
  SELECT r.message_id
  FROM (
    SELECT
      accepted_day,
      message_id,
      sum(amount) AS refunded,
      min(currency) AS least,
      max(currency) AS most
    FROM refund
    WHERE generation = :generation
    GROUP BY accepted_day, message_id
  ) AS r
  JOIN ledger l
    ON l.generation = :generation
    AND l.accepted_day = r.accepted_day
    AND l.message_id = r.message_id
  WHERE l.charge_event <> ''
    AND (r.least <> l.currency OR r.most <> l.currency OR r.refunded > l.amount)`;

const SAMPLE = 5;
const counted = (odd: string) => sql<{ generation: number }>`
WITH odd AS MATERIALIZED (${odd}
)
SELECT
  (SELECT count(*) FROM odd)::int AS count,
  ARRAY(
    SELECT message_id::text
    FROM odd
    ORDER BY odd.message_id
    LIMIT ${String(SAMPLE)}
  ) AS sample`;

const QUESTIONS = {
  idsOnTwoDays: counted(IDS_ON_TWO_DAYS),
  overRefunded: counted(OVER_REFUNDED),
} as const;
const QUERY_CANCELED = '57014';

/** The answer, or undefined where it took longer than `timeoutMs`. Reads the whole ledger. */
export async function findOddity(
  pool: Pool,
  question: keyof typeof QUESTIONS,
  generation: number,
  timeoutMs: number,
): Promise<Oddity | undefined> {
  const client: PoolClient = await pool.connect();
  try {
    await client.query('BEGIN READ ONLY');
    await client.query(`SET LOCAL statement_timeout = ${Math.trunc(timeoutMs)}`);
    const { rows } = await client.query<{ count: number; sample: string[] | null }>(
      QUESTIONS[question]({ generation }),
    );
    return { count: rows[0]?.count ?? 0, sample: rows[0]?.sample ?? [] };
  } catch (error) {
    if ((error as { code?: string }).code === QUERY_CANCELED) return undefined;
    throw error;
  } finally {
    await client.query('ROLLBACK').catch(() => {});
    client.release();
  }
}

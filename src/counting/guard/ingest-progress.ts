// What an ingest process knows of its generation and stream, and says of its own progress: one row
// per process, so that processes never wait for each other.
import type { Pool } from 'pg';
import type { EpochDay, EpochMicros } from '../../domain/time/instant.js';
import { formatInstant } from '../../domain/time/instant.js';

type Queryable = Pick<Pool, 'query'>;

/** A generation as an ingest process needs it. */
export interface Generation {
  readonly generation: number;
  readonly state: 'building' | 'serving' | 'retired';
  readonly durable: string;
  /** Events accepted on an earlier day are refused; -Infinity before anything was dropped. */
  readonly ledgerFloor: EpochDay;
}

/** The generation asked for, or the serving one; undefined where there is none. */
export async function readGeneration(
  pool: Queryable,
  generation: number | undefined,
): Promise<Generation | undefined> {
  const { rows } = await pool.query<Generation & { floor: number | null }>(
    `SELECT generation, state, durable,
            CASE WHEN isfinite(ledger_floor) THEN ledger_floor - date '1970-01-01' END AS floor
     FROM generation WHERE CASE WHEN $1::smallint IS NULL THEN state = 'serving' ELSE generation = $1 END`,
    [generation ?? null],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const { state, durable, floor } = row;
  return { generation: row.generation, state, durable, ledgerFloor: floor ?? -Infinity };
}

/** What Postgres remembers of a stream. */
export interface KnownStream {
  readonly streamId: number;
  readonly name: string;
  readonly createdAt: EpochMicros;
  /** Highest sequence that any process of the generation committed; 0 where none has. */
  readonly highestSequence: number;
  /**
   * When the event of that sequence was published; undefined where an older version committed it.
   */
  readonly highestPublishedAt: EpochMicros | undefined;
}

/** The newest stream that the generation counted from, or undefined before the first. */
export async function readKnownStream(
  pool: Queryable,
  generation: number,
): Promise<KnownStream | undefined> {
  const { rows } = await pool.query<{
    stream_id: number;
    name: string;
    created: string;
    highest: string;
    published: string | null;
  }>(
    `SELECT s.stream_id, s.name, (extract(epoch FROM s.created_at) * 1000000)::bigint AS created,
            coalesce(max(p.highest_sequence), 0) AS highest,
            (extract(epoch FROM (array_agg(p.highest_published_at
              ORDER BY p.highest_sequence DESC, p.highest_published_at))[1]) * 1000000)::bigint AS published
     FROM event_stream s LEFT JOIN ingest_progress p ON p.stream_id = s.stream_id AND p.generation = $1
     GROUP BY s.stream_id ORDER BY s.stream_id DESC LIMIT 1`,
    [generation],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    streamId: row.stream_id,
    name: row.name,
    createdAt: Number(row.created),
    highestSequence: Number(row.highest),
    highestPublishedAt: row.published === null ? undefined : Number(row.published),
  };
}

/**
 * Records a stream that events come from, and returns its id. `epoch` tells rolled-back stores
 * apart.
 */
export async function recordStream(
  pool: Queryable,
  name: string,
  createdAt: EpochMicros,
  epoch = 0,
): Promise<number> {
  const { rows } = await pool.query<{ stream_id: number }>(
    `WITH added AS (
       INSERT INTO event_stream (name, created_at, epoch) VALUES ($1, $2, $3)
       ON CONFLICT DO NOTHING RETURNING stream_id)
     SELECT stream_id FROM added
     UNION ALL
     SELECT stream_id FROM event_stream WHERE name = $1 AND created_at = $2 AND epoch = $3`,
    [name, formatInstant(createdAt), epoch],
  );
  const id = rows[0]?.stream_id;
  if (id === undefined) return recordStream(pool, name, createdAt, epoch);
  return id;
}

/** Which row of ingest_progress a process writes. */
export interface ProgressKey {
  readonly generation: number;
  readonly streamId: number;
  readonly worker: string;
}

/** Raises this process's watermark to `dataAsOf`; a lower one, or none, leaves it where it is. */
export async function recordWatermark(
  pool: Queryable,
  key: ProgressKey,
  dataAsOf: EpochMicros | undefined,
): Promise<void> {
  const instant = dataAsOf === undefined ? null : formatInstant(dataAsOf);
  await pool.query({
    name: 'record-watermark',
    text: `INSERT INTO ingest_progress AS p (generation, stream_id, worker, committed, data_as_of, looked_at)
           VALUES ($1, $2, $3, '{}', $4, now())
           ON CONFLICT (generation, stream_id, worker) DO UPDATE SET
             data_as_of = greatest(p.data_as_of, excluded.data_as_of), looked_at = excluded.looked_at`,
    values: [key.generation, key.streamId, key.worker, instant],
  });
}

/** Days that the ledger can take: made ahead, so that midnight needs no hand. */
const DAYS_BEHIND = 50;
const DAYS_AHEAD = 2;

/** Makes the ledger's missing day partitions around today (UTC); returns how many. Repeatable. */
export async function createLedgerDays(pool: Queryable, generation: number): Promise<number> {
  const { rows } = await pool.query<{ made: number }>(
    `SELECT create_ledger_days($1, (now() AT TIME ZONE 'UTC')::date - $2::int,
                               (now() AT TIME ZONE 'UTC')::date + $3::int) AS made`,
    [generation, DAYS_BEHIND, DAYS_AHEAD],
  );
  return rows[0]?.made ?? 0;
}

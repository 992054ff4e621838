// What an ingest process knows of its generation and stream, and says of its own progress: one row
// per process, so that processes never wait for each other.
import type { EpochDay, EpochMicros } from '../../domain/time/instant.js';
import { formatInstant } from '../../domain/time/instant.js';
import { micros } from '../../postgres/epoch-micros.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';

/** A generation as an ingest process needs it. */
export interface Generation {
  readonly generation: number;
  readonly state: 'building' | 'serving' | 'retired';
  readonly durable: string;
  /** Events accepted on an earlier day are refused; -Infinity before anything was dropped. */
  readonly ledgerFloor: EpochDay;
}

const GENERATION = sql<{ readonly generation: number | null }>`
  SELECT
    generation, state, durable,
    CASE WHEN isfinite(ledger_floor) THEN ledger_floor - date '1970-01-01' END AS floor
  FROM generation
  WHERE CASE
    WHEN :generation::smallint IS NULL THEN state = 'serving'
    ELSE generation = :generation
  END`;

/** The generation asked for, or the serving one; undefined where there is none. */
export async function readGeneration(
  pool: Queryable,
  generation: number | undefined,
): Promise<Generation | undefined> {
  const { rows } = await pool.query<Generation & { floor: number | null }>(
    GENERATION({ generation: generation ?? null }),
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

const KNOWN_STREAM = sql<{ readonly generation: number }>`
  SELECT
    s.stream_id, s.name,
    ${micros('s.created_at')} AS created,
    coalesce(max(p.highest_sequence), 0) AS highest,
    ${micros(`(array_agg(
      p.highest_published_at ORDER BY p.highest_sequence DESC, p.highest_published_at
    ))[1]`)} AS published
  FROM event_stream AS s
  LEFT JOIN ingest_progress AS p ON p.stream_id = s.stream_id AND p.generation = :generation
  GROUP BY s.stream_id
  ORDER BY s.stream_id DESC
  LIMIT 1`;

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
  }>(KNOWN_STREAM({ generation }));
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

const RECORD_STREAM = sql<{
  readonly name: string;
  readonly createdAt: string;
  readonly epoch: number;
}>`
  WITH added AS (
    INSERT INTO event_stream (name, created_at, epoch)
    VALUES (:name, :createdAt, :epoch)
    ON CONFLICT DO NOTHING
    RETURNING stream_id
  )
  SELECT stream_id
  FROM added
  UNION ALL
  SELECT stream_id
  FROM event_stream
  WHERE name = :name AND created_at = :createdAt AND epoch = :epoch`;

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
    RECORD_STREAM({ name, createdAt: formatInstant(createdAt), epoch }),
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

const RECORD_WATERMARK = sql<ProgressKey & { readonly dataAsOf: string | null }>`
  INSERT INTO ingest_progress AS p (
    generation, stream_id, worker, committed, data_as_of, looked_at
  )
  VALUES (:generation, :streamId, :worker, '{}', :dataAsOf, now())
  ON CONFLICT (generation, stream_id, worker)
  DO UPDATE SET
    data_as_of = greatest(p.data_as_of, excluded.data_as_of),
    looked_at = excluded.looked_at`;

/** Raises this process's watermark to `dataAsOf`; a lower one, or none, leaves it where it is. */
export async function recordWatermark(
  pool: Queryable,
  key: ProgressKey,
  dataAsOf: EpochMicros | undefined,
): Promise<void> {
  const instant = dataAsOf === undefined ? null : formatInstant(dataAsOf);
  await pool.query({
    name: 'record-watermark',
    ...RECORD_WATERMARK({
      generation: key.generation,
      streamId: key.streamId,
      worker: key.worker,
      dataAsOf: instant,
    }),
  });
}

/** Days that the ledger can take: made ahead, so that midnight needs no hand. */
const DAYS_BEHIND = 50;
const DAYS_AHEAD = 2;

const CREATE_LEDGER_DAYS = sql<{
  readonly generation: number;
  readonly behind: number;
  readonly ahead: number;
}>`
  SELECT create_ledger_days(
    :generation,
    (now() AT TIME ZONE 'UTC')::date - :behind::int,
    (now() AT TIME ZONE 'UTC')::date + :ahead::int
  ) AS made`;

/** Makes the ledger's missing day partitions around today (UTC); returns how many. Repeatable. */
export async function createLedgerDays(pool: Queryable, generation: number): Promise<number> {
  const { rows } = await pool.query<{ made: number }>(
    CREATE_LEDGER_DAYS({ generation, behind: DAYS_BEHIND, ahead: DAYS_AHEAD }),
  );
  return rows[0]?.made ?? 0;
}

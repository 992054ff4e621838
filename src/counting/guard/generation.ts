// Generations and streams as the operators see them: all of them, with their watermarks. The ingest
// side of the same tables is ingest-progress.ts.
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import { micros } from '../../postgres/epoch-micros.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';
import { readKnownStream } from './ingest-progress.js';

export type GenerationState = 'building' | 'serving' | 'retired';

/** One generation, with what all its ingest processes together have counted. */
export interface GenerationRow {
  readonly generation: number;
  readonly state: GenerationState;
  readonly durable: string;
  /** `YYYY-MM-DD`; undefined before anything was dropped. */
  readonly ledgerFloor: string | undefined;
  readonly dataAsOf: EpochMicros | undefined;
  readonly revision: bigint;
  readonly createdAt: EpochMicros;
  readonly servedAt: EpochMicros | undefined;
  /**
   * Of a rebuild: the generation it began from, the instant from which it computes anew, when that
   * start was complete.
   */
  readonly base: number | undefined;
  readonly rebuiltFrom: EpochMicros | undefined;
  readonly copiedAt: EpochMicros | undefined;
}

const GENERATIONS = sql`
  SELECT
    g.generation, g.state, g.durable, g.base_generation,
    CASE WHEN isfinite(g.ledger_floor) THEN g.ledger_floor::text END AS ledger_floor,
    ${micros('max(p.data_as_of)')} AS data_as_of,
    coalesce(sum(p.revision), 0)::text AS revision,
    ${micros('g.created_at')} AS created_at,
    ${micros('g.served_at')} AS served_at,
    ${micros('g.rebuilt_from')} AS rebuilt_from,
    ${micros('g.copied_at')} AS copied_at
  FROM generation AS g
  LEFT JOIN ingest_progress AS p USING (generation)
  GROUP BY g.generation
  ORDER BY g.generation`;

/** All generations, the oldest first. */
export async function readGenerations(pool: Queryable): Promise<GenerationRow[]> {
  const { rows } = await pool.query<Record<string, string | number | null>>(GENERATIONS({}));
  const number = (value: string | number | null | undefined) =>
    value == null ? undefined : Number(value);
  return rows.map((row) => ({
    generation: Number(row.generation),
    state: row.state as GenerationState,
    durable: String(row.durable),
    ledgerFloor: row.ledger_floor == null ? undefined : String(row.ledger_floor),
    dataAsOf: number(row.data_as_of),
    revision: BigInt(row.revision ?? 0),
    createdAt: Number(row.created_at),
    servedAt: number(row.served_at),
    base: number(row.base_generation),
    rebuiltFrom: number(row.rebuilt_from),
    copiedAt: number(row.copied_at),
  }));
}

/** Highest sequence of the newest known stream that `generation` has committed; 0 where none. */
export async function highestSequence(pool: Queryable, generation: number): Promise<number> {
  return (await readKnownStream(pool, generation))?.highestSequence ?? 0;
}

/** A stream that events came from. */
export interface StreamRow {
  readonly streamId: number;
  readonly createdAt: EpochMicros;
  readonly epoch: number;
  /** When it was first counted from. */
  readonly firstSeenAt: EpochMicros;
}

const STREAMS = sql<{ readonly name: string }>`
  SELECT stream_id, ${micros('created_at')} AS created, epoch, ${micros('first_seen_at')} AS seen
  FROM event_stream
  WHERE name = :name
  ORDER BY stream_id`;

/** All streams of that name that were ever counted from, the oldest first. */
export async function readStreams(pool: Queryable, name: string): Promise<StreamRow[]> {
  const { rows } = await pool.query<Record<string, string | number>>(STREAMS({ name }));
  return rows.map((row) => ({
    streamId: Number(row.stream_id),
    createdAt: Number(row.created),
    epoch: Number(row.epoch),
    firstSeenAt: Number(row.seen),
  }));
}

const FRESH_EPOCH = sql<{ readonly name: string; readonly createdAt: string }>`
  SELECT coalesce(max(epoch) + 1, 0)::int AS epoch
  FROM event_stream
  WHERE name = :name AND created_at = :createdAt`;

/** The first epoch under which (name, createdAt) is not known yet. */
export async function freshEpoch(
  pool: Queryable,
  name: string,
  createdAt: EpochMicros,
): Promise<number> {
  const { rows } = await pool.query<{ epoch: number }>(
    FRESH_EPOCH({ name, createdAt: formatInstant(createdAt) }),
  );
  return rows[0]?.epoch ?? 0;
}

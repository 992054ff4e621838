// The run's own view of Postgres: one read-only transaction at REPEATABLE READ. Changes, rows and
// fingerprints are all read in it, so that they belong together however long the run takes.
import type { ClientBase } from 'pg';
import { sql } from '../../postgres/sql.js';

/** The run's snapshot, and the state of the answers in it. */
export interface RunSnapshot {
  /** Text of pg_current_snapshot(). */
  readonly snapshot: string;
  /** Which cluster it belongs to: transaction ids of another one mean nothing. */
  readonly systemIdentifier: string;
  readonly generation: number;
  /** `YYYY-MM-DD HH:MM:SS.ffffff` in UTC, or null before the first look at the stream. */
  readonly dataAsOf: string | null;
  readonly revision: string;
}

interface SnapshotRow {
  readonly snapshot: string;
  readonly system_identifier: string;
  readonly generation: number;
  readonly data_as_of: string | null;
  readonly revision: string;
}

const SNAPSHOT = sql`
SELECT
  pg_current_snapshot()::text AS snapshot,
  (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
  generation,
  to_char(data_as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS data_as_of,
  revision
FROM answer_state`;

/** Begins the transaction. @throws when no generation is serving. */
export async function beginSnapshot(client: ClientBase): Promise<RunSnapshot> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  const { rows } = await client.query<SnapshotRow>(SNAPSHOT({}));
  const row = rows[0];
  if (row === undefined)
    throw new Error('Postgres has no serving generation: finish the rebuild with `ops rebuild`');
  return {
    snapshot: row.snapshot,
    systemIdentifier: row.system_identifier,
    generation: row.generation,
    dataAsOf: row.data_as_of,
    revision: row.revision,
  };
}

/** Ends the transaction; it has written nothing. */
export async function endSnapshot(client: ClientBase): Promise<void> {
  await client.query('COMMIT');
}

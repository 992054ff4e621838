// How far the copy has come. Everything up to the checkpoint's snapshot is in ClickHouse and
// verified; what came after it is found by the difference of snapshots. Written only by the run
// that holds the newest epoch.
import type { ClientBase } from 'pg';
import { sql } from '../../postgres/sql.js';
import type { UtcDay } from '../../rollups/copied-rollup.js';

/** What the last complete run left. */
export interface Checkpoint {
  readonly generation: number;
  readonly copy: bigint;
  readonly snapshot: string;
  readonly systemIdentifier: string;
  readonly runId: string;
  readonly epoch: bigint;
}

/** The row as a run finds it. */
export interface CheckpointState {
  /** The last epoch that was taken. */
  readonly epoch: bigint;
  readonly checkpoint: Checkpoint | undefined;
  readonly pending: { readonly generation: number; readonly copy: bigint } | undefined;
  readonly verifiedDay: UtcDay | undefined;
}

/**
 * Another runner has taken a newer epoch: this one must stop. Its rows in ClickHouse do no harm.
 */
export class FenceLost extends Error {
  constructor(epoch: bigint) {
    super(`a newer run has taken over from epoch ${epoch}; nothing was recorded by this one`);
    this.name = 'FenceLost';
  }
}

const READ = sql`
SELECT
  c.epoch,
  c.generation,
  c.copy,
  c.snapshot::text,
  c.system_identifier,
  c.run_id,
  r.epoch AS run_epoch,
  c.pending_generation,
  c.pending_copy,
  c.verified_day::text
FROM etl_checkpoint c
LEFT JOIN etl_run r USING (run_id)
WHERE target = 'clickhouse'`;

export async function readCheckpoint(client: ClientBase): Promise<CheckpointState> {
  const { rows } = await client.query<CheckpointRow>(READ({}));
  const row = rows[0];
  if (row === undefined)
    return { epoch: 0n, checkpoint: undefined, pending: undefined, verifiedDay: undefined };
  return {
    epoch: BigInt(row.epoch),
    checkpoint: checkpointOf(row),
    pending:
      row.pending_generation === null || row.pending_copy === null
        ? undefined
        : { generation: row.pending_generation, copy: BigInt(row.pending_copy) },
    verifiedDay: row.verified_day ?? undefined,
  };
}

interface CheckpointRow {
  epoch: string;
  generation: number | null;
  copy: string | null;
  snapshot: string | null;
  system_identifier: string | null;
  run_id: string | null;
  run_epoch: string | null;
  pending_generation: number | null;
  pending_copy: string | null;
  verified_day: string | null;
}

function checkpointOf(row: CheckpointRow): Checkpoint | undefined {
  const { generation, copy, snapshot, system_identifier: systemIdentifier, run_id: runId } = row;
  if (generation === null || copy === null || snapshot === null) return undefined;
  if (systemIdentifier === null || runId === null) return undefined;
  return {
    generation,
    copy: BigInt(copy),
    snapshot,
    systemIdentifier,
    runId,
    epoch: BigInt(row.run_epoch ?? row.epoch),
  };
}

const KNOWN_RUN = sql<{ runId: string }>`
SELECT
FROM etl_run
WHERE run_id::text = :runId`;

/**
 * True when Postgres remembers the run: a mark of an unknown run means that Postgres was restored
 * or exchanged.
 */
export async function isKnownRun(client: ClientBase, runId: string): Promise<boolean> {
  const { rowCount } = await client.query(KNOWN_RUN({ runId }));
  return rowCount === 1;
}

const SET_PENDING = sql<{ epoch: string; generation: number; copy: string }>`
UPDATE etl_checkpoint
SET pending_generation = :generation, pending_copy = :copy
WHERE target = 'clickhouse'
  AND epoch = :epoch`;

/** Remembers that a full copy is being filled. @throws FenceLost */
export async function setPendingCopy(
  client: ClientBase,
  epoch: bigint,
  pending: { generation: number; copy: bigint },
): Promise<void> {
  const { generation, copy } = pending;
  const { rowCount } = await client.query(
    SET_PENDING({ epoch: String(epoch), generation, copy: String(copy) }),
  );
  if (rowCount !== 1) throw new FenceLost(epoch);
}

/** What a complete run records. */
export interface CompletedRun {
  readonly epoch: bigint;
  readonly runId: string;
  readonly generation: number;
  readonly copy: bigint;
  readonly snapshot: string;
  readonly systemIdentifier: string;
  readonly dataAsOf: string | null;
  readonly verifiedDay: UtcDay | undefined;
}

const WRITE = sql<{
  epoch: string;
  runId: string;
  generation: number;
  copy: string;
  snapshot: string;
  systemIdentifier: string;
  dataAsOf: string | null;
  verifiedDay: UtcDay | null;
}>`
UPDATE etl_checkpoint
SET generation = :generation,
  copy = :copy,
  snapshot = :snapshot::pg_snapshot,
  system_identifier = :systemIdentifier,
  run_id = :runId,
  data_as_of = :dataAsOf::timestamp AT TIME ZONE 'UTC',
  checkpointed_at = now(),
  pending_generation = NULL,
  pending_copy = NULL,
  verified_day = coalesce(:verifiedDay::date, verified_day)
WHERE target = 'clickhouse'
  AND epoch = :epoch`;

/**
 * Moves the checkpoint forward. @throws FenceLost when a newer run has begun: then nothing is
 * changed.
 */
export async function writeCheckpoint(client: ClientBase, run: CompletedRun): Promise<void> {
  const { rowCount } = await client.query(
    WRITE({
      ...run,
      epoch: String(run.epoch),
      copy: String(run.copy),
      verifiedDay: run.verifiedDay ?? null,
    }),
  );
  if (rowCount !== 1) throw new FenceLost(run.epoch);
}

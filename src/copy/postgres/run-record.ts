// The record of every run, kept in Postgres so that lag and failures can be seen and alarmed on
// after the job has gone. Kept for 30 days.
import type { ClientBase } from 'pg';

/** What a run did. Counts are of this run only. */
export interface RunRecord {
  readonly runId: string;
  readonly outcome: 'copied' | 'mismatch' | 'failed';
  readonly kind: 'full' | 'changes' | undefined;
  /** Why a full copy was made; empty for changes. */
  readonly cause: string;
  readonly generation: number | undefined;
  readonly copy: bigint | undefined;
  readonly dataAsOf: string | null;
  readonly rowsCopied: number;
  readonly bytesCopied: number;
  readonly daysVerified: number;
  readonly daysResent: number;
  readonly daysDifferent: number;
  readonly changesPruned: number;
  readonly failure: string;
}

/** Completes the row that the run began with. */
export async function recordRun(client: ClientBase, record: RunRecord): Promise<void> {
  await client.query(
    `UPDATE etl_run
        SET finished_at = clock_timestamp(), outcome = $2, kind = $3, cause = $4, generation = $5, copy = $6,
            data_as_of = $7::timestamp AT TIME ZONE 'UTC', rows_copied = $8, bytes_copied = $9, days_verified = $10, days_resent = $11,
            days_different = $12, changes_pruned = $13, failure = $14
      WHERE run_id = $1`,
    [
      record.runId,
      record.outcome,
      record.kind ?? null,
      record.cause,
      record.generation ?? null,
      record.copy === undefined ? null : String(record.copy),
      record.dataAsOf,
      record.rowsCopied,
      record.bytesCopied,
      record.daysVerified,
      record.daysResent,
      record.daysDifferent,
      record.changesPruned,
      record.failure.slice(0, 1000),
    ],
  );
}

/** Forgets runs older than 30 days, except the one that the checkpoint stands on. */
export async function forgetOldRuns(client: ClientBase): Promise<void> {
  await client.query(
    `DELETE FROM etl_run WHERE started_at < now() - interval '30 days'
        AND run_id NOT IN (SELECT run_id FROM etl_checkpoint WHERE run_id IS NOT NULL)`,
  );
}

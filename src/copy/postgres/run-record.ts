// The record of every run, kept in Postgres so that lag and failures can be seen and alarmed on
// after the job has gone. Kept for 30 days.
import type { ClientBase } from 'pg';
import { sql } from '../../postgres/sql.js';

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

const LONGEST_FAILURE = 1_000;

/** A run as its row has it: null where it has no value. */
interface RunRow {
  runId: string;
  outcome: string;
  kind: string | null;
  cause: string;
  generation: number | null;
  copy: string | null;
  dataAsOf: string | null;
  rowsCopied: number;
  bytesCopied: number;
  daysVerified: number;
  daysResent: number;
  daysDifferent: number;
  changesPruned: number;
  failure: string;
}

const RECORD = sql<RunRow>`
UPDATE etl_run
SET finished_at = clock_timestamp(),
  outcome = :outcome,
  kind = :kind,
  cause = :cause,
  generation = :generation,
  copy = :copy,
  data_as_of = :dataAsOf::timestamp AT TIME ZONE 'UTC',
  rows_copied = :rowsCopied,
  bytes_copied = :bytesCopied,
  days_verified = :daysVerified,
  days_resent = :daysResent,
  days_different = :daysDifferent,
  changes_pruned = :changesPruned,
  failure = :failure
WHERE run_id = :runId`;

const FORGET = sql`
DELETE FROM etl_run
WHERE started_at < now() - interval '30 days'
  AND run_id NOT IN (SELECT run_id FROM etl_checkpoint WHERE run_id IS NOT NULL)`;

/** Completes the row that the run began with. */
export async function recordRun(client: ClientBase, record: RunRecord): Promise<void> {
  await client.query(
    RECORD({
      ...record,
      kind: record.kind ?? null,
      generation: record.generation ?? null,
      copy: record.copy === undefined ? null : String(record.copy),
      failure: record.failure.slice(0, LONGEST_FAILURE),
    }),
  );
}

/** Forgets runs older than 30 days, except the one of the checkpoint. */
export async function forgetOldRuns(client: ClientBase): Promise<void> {
  await client.query(FORGET({}));
}

// One runner at a time. A session-level advisory lock keeps a second runner out; the epoch keeps a
// stale one out that lost its session without noticing: every run takes the next epoch, and the
// checkpoint accepts the newest only. In ClickHouse nothing needs to be fenced: a stale runner's
// rows carry versions of an older snapshot and lose. It asks for its epoch before it marks; a mark
// that is late nevertheless carries a lower epoch and is not read.
//
// The connection must be a session of its own: a pooler in transaction mode would give the lock to
// somebody else.
import type { ClientBase } from 'pg';
import { sql } from '../../postgres/sql.js';
import { FenceLost } from './checkpoint.js';

/** Any two constants that nothing else in the database uses: "anly", "etl". */
const LOCK_KEYS = { project: 0x616e6c79, job: 0x0065746c };

const LOCK = sql<typeof LOCK_KEYS>`
SELECT pg_try_advisory_lock(:project::int, :job::int) AS locked`;

const UNLOCK = sql<typeof LOCK_KEYS>`
SELECT pg_advisory_unlock(:project::int, :job::int)`;

const BEGIN_RUN = sql<{ runId: string }>`
WITH taken AS (
  UPDATE etl_checkpoint
  SET epoch = epoch + 1
  WHERE target = 'clickhouse'
  RETURNING epoch
),
ended AS (
  UPDATE etl_run
  SET outcome = 'failed', failure = 'cut off', finished_at = now()
  WHERE outcome = 'running'
)
INSERT INTO etl_run (run_id, epoch)
SELECT :runId::uuid, epoch
FROM taken
RETURNING epoch`;

const RAISE_EPOCH = sql<{ runId: string; epoch: string; atLeast: string }>`
WITH raised AS (
  UPDATE etl_checkpoint
  SET epoch = :atLeast::bigint + 1
  WHERE target = 'clickhouse'
    AND epoch = :epoch::bigint
  RETURNING epoch
)
UPDATE etl_run
SET epoch = raised.epoch
FROM raised
WHERE run_id = :runId::uuid`;

const CONFIRM_EPOCH = sql<{ epoch: string }>`
SELECT
FROM etl_checkpoint
WHERE target = 'clickhouse'
  AND epoch = :epoch`;

/**
 * True when this session now is the one runner. The lock goes with the session, whatever happens to
 * the process.
 */
export async function tryRunnerLock(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(LOCK(LOCK_KEYS));
  return rows[0]?.locked === true;
}

/** Lets the next runner in. */
export async function releaseRunnerLock(client: ClientBase): Promise<void> {
  await client.query(UNLOCK(LOCK_KEYS));
}

/**
 * Takes the next epoch and records the run under it, in one statement. The holder of the lock is
 * alone: an older run that is still `running` was cut off, and its record says so from here on.
 */
export async function beginRun(client: ClientBase, runId: string): Promise<{ epoch: bigint }> {
  const { rows } = await client.query<{ epoch: string }>(BEGIN_RUN({ runId }));
  const epoch = rows[0]?.epoch;
  if (epoch === undefined)
    throw new Error('etl_checkpoint has no row: apply the migrations of Postgres');
  return { epoch: BigInt(epoch) };
}

/**
 * The run's epoch above `atLeast`, where ClickHouse knows greater ones than this Postgres has given
 * out.
 * @throws FenceLost
 */
export async function raiseEpoch(
  client: ClientBase,
  runId: string,
  epoch: bigint,
  atLeast: bigint,
): Promise<bigint> {
  if (epoch > atLeast) return epoch;
  const { rowCount } = await client.query(
    RAISE_EPOCH({ runId, epoch: String(epoch), atLeast: String(atLeast) }),
  );
  if (rowCount !== 1) throw new FenceLost(epoch);
  return atLeast + 1n;
}

/** Asked just before what cannot be taken back. @throws FenceLost when a newer run has begun */
export async function confirmEpoch(client: ClientBase, epoch: bigint): Promise<void> {
  const { rowCount } = await client.query(CONFIRM_EPOCH({ epoch: String(epoch) }));
  if (rowCount !== 1) throw new FenceLost(epoch);
}

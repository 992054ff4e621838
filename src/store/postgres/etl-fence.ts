/**
 * One runner at a time. A session-level advisory lock keeps a second runner out; the epoch keeps a stale one out that
 * lost its session without noticing: every run takes the next epoch, and the checkpoint accepts the newest only.
 * In ClickHouse nothing needs to be fenced: a stale runner's rows carry versions of an older snapshot and lose, its
 * mark carries a lower epoch and is not read.
 *
 * The connection must be a session of its own: a pooler in transaction mode would give the lock to somebody else.
 */
import type { ClientBase } from 'pg';

/** Any two constants that nothing else in the database uses: "anly", "etl". */
const lockKeys = [0x616e6c79, 0x0065746c];

/** True when this session now is the one runner. The lock goes with the session, whatever happens to the process. */
export async function tryRunnerLock(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock($1::int, $2::int) AS locked',
    lockKeys,
  );
  return rows[0]?.locked === true;
}

/** Lets the next runner in. */
export async function releaseRunnerLock(client: ClientBase): Promise<void> {
  await client.query('SELECT pg_advisory_unlock($1::int, $2::int)', lockKeys);
}

/** Takes the next epoch above `atLeast` and records the run under it, in one transaction. */
export async function beginRun(
  client: ClientBase,
  runId: string,
  atLeast: bigint,
): Promise<{ epoch: bigint }> {
  const { rows } = await client.query<{ epoch: string }>(
    `WITH taken AS (
       UPDATE etl_checkpoint SET epoch = greatest(epoch, $2::bigint) + 1
        WHERE target = 'clickhouse' RETURNING epoch)
     INSERT INTO etl_run (run_id, epoch) SELECT $1::uuid, epoch FROM taken RETURNING epoch`,
    [runId, String(atLeast)],
  );
  const epoch = rows[0]?.epoch;
  if (epoch === undefined)
    throw new Error('etl_checkpoint has no row: apply the migrations of Postgres');
  return { epoch: BigInt(epoch) };
}

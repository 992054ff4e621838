// Transactions that give up rather than wait long for a lock: while they wait, ingest waits behind
// them.

import type { Pool, PoolClient } from 'pg';

const LOCK_TIMEOUT = '2s';
/** SQLSTATE lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Commits what `work` does, or rolls it back where `work` returns undefined. Undefined also where a
 * lock was not to be had: try again.
 */
export async function impatiently<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T | undefined>,
): Promise<T | undefined> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    const result = await work(client);
    await client.query(result === undefined ? 'ROLLBACK' : 'COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    if ((error as { code?: string }).code === LOCK_NOT_AVAILABLE) return undefined;
    throw error;
  } finally {
    client.release();
  }
}

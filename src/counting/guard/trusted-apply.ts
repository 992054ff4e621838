// Applies a batch through a connection that the guard has looked through. Pulled batches wait for a
// Postgres that is away; when it comes back as an older copy, the first commit would otherwise
// raise the highest sequence over all that is lost, and nothing would show the loss.
import type { Pool } from 'pg';
import {
  type Applied,
  type BatchContext,
  countBatch,
  type EncodedBatch,
} from '../ledger/apply-batch.js';
import type { Watch } from './watch.js';

/**
 * Resolves and rejects as countBatch does, or with CommitAbandoned where the guard forbids
 * counting.
 */
export async function applyTrusted(
  pool: Pool,
  watch: Pick<Watch, 'trust'>,
  context: BatchContext,
  batch: EncodedBatch,
): Promise<Applied> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await watch.trust(client, context.streamId);
    return await countBatch(client, context, batch);
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
}

// A commit that waits for a synchronous standby can be cancelled: by statement_timeout, or by hand.
// Postgres then reports success with a warning, though a promoted standby may not have the commit.
// Here that is a failure like a lost answer: the batch is applied again, which waits again.
import type { PoolClient } from 'pg';

/** The function of Postgres that warns (syncrep.c): texts are translated, and the code is 01000. */
const WAITS_FOR_STANDBY = 'SyncRepWaitForLSN';

/** The commit is on this server's disk, and perhaps on no other. A retry cures it. */
class NotReplicated extends Error {
  override readonly name = 'NotReplicated';

  constructor() {
    super('the wait of a commit for a synchronous standby was cancelled');
  }
}

/**
 * Runs `work` on a connection and resolves with its result; rejects as it does, or with
 * NotReplicated where one of its commits did not wait for its standby to the end.
 */
export async function replicated<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  let isCancelled = false;
  const hear = ({ routine }: { readonly routine?: string | undefined }) => {
    if (routine === WAITS_FOR_STANDBY) isCancelled = true;
  };
  client.on('notice', hear);
  try {
    const result = await work();
    if (isCancelled) throw new NotReplicated();
    return result;
  } finally {
    client.removeListener('notice', hear);
  }
}

// Thrown by the guard and by a commit, and caught by the loop alone.

/**
 * Stopped, forbidden by the guard, or pulled from a stream that has since been replaced, before the
 * batch was known to be durable: nothing may be acknowledged.
 */
export class CommitAbandoned extends Error {
  override readonly name = 'CommitAbandoned';
}

/**
 * Notices what cannot heal by itself: a stream that was recreated or rolled back, a Postgres that
 * was restored to an older state. Counting stops then, and the message names the command of ops that
 * puts it right. Everything else (crashes, restarts, outages, redelivery) needs no guard.
 */
import type { Look, StreamState } from '../broker/nats/look.js';
import type { KnownStream } from '../store/postgres/ingest-progress.js';

/** What the two sides say. Read in this order: `before`, the broker's three, `after`. */
export interface Evidence {
  readonly before: KnownStream | undefined;
  readonly stream: StreamState;
  readonly look: Look;
  readonly after: KnownStream | undefined;
}

/** What is said where a stream was counted from and it, or its durable, is not there. */
export const MISSING = 'The stream or its durable does not exist any more. Run: ops adopt-stream';

/** Why counting must stop, and the command that puts it right; undefined where all is well. */
export function contradiction({ before, stream, look, after }: Evidence): string | undefined {
  if (before !== undefined && stream.createdAt !== before.createdAt) {
    return 'The stream was recreated: its sequences name other events now. Run: ops adopt-stream';
  }
  if (before !== undefined && stream.lastSequence < before.highestSequence) {
    return 'The stream was rolled back: it ends before events that are counted. Run: ops adopt-stream';
  }
  // Acknowledged means committed, and removed messages count as acknowledged.
  const highest = after?.highestSequence ?? 0;
  if (look.ackFloor > Math.max(highest, stream.firstSequence - 1)) {
    return `Postgres was restored: events after sequence ${highest} were acknowledged and are not in it. Run: ops seek --to-data-as-of`;
  }
  return undefined;
}

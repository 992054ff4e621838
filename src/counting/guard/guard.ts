// Notices what cannot heal by itself: a stream that was recreated or rolled back, a Postgres that
// was restored to an older state. Counting stops then, and the message names the command of ops
// that puts it right. Everything else (crashes, restarts, outages, redelivery) needs no guard.

import type { EpochMicros } from '../../domain/time/instant.js';
import type { DurableState, StreamState } from '../../nats/durable-state.js';
import { isRolledBack } from '../../nats/rolled-back.js';
import type { KnownStream } from './ingest-progress.js';

/** What the two sides say. Read in this order: `before`, the broker's, `after`. */
export interface Evidence {
  readonly before: KnownStream | undefined;
  readonly stream: StreamState;
  /** When the event now at the highest sequence of `before` was published. */
  readonly foundAt?: EpochMicros | undefined;
  readonly durable: DurableState;
  readonly after: KnownStream | undefined;
  /** `after` of this process's last examination with which all was well. */
  readonly last?: KnownStream | undefined;
  /** The generation that is being built, where it is not the serving one. */
  readonly building?: number | undefined;
}

/** The reason where a stream was counted from and it, or its durable, no longer exists. */
export const MISSING = 'The stream or its durable does not exist any more. Run: ops adopt-stream';

/** Why counting must stop, and the command that puts it right; undefined where all is well. */
export function contradiction(evidence: Evidence): string | undefined {
  const { before, stream, foundAt, durable, after, last, building } = evidence;
  if (before !== undefined && stream.createdAt !== before.createdAt) {
    return 'The stream was recreated: its sequences name other events now. Run: ops adopt-stream';
  }
  if (before !== undefined && isRolledBack(before, stream.lastSequence, foundAt)) {
    return 'The stream was rolled back: it has lost events that are counted. Run: ops adopt-stream';
  }
  // Removed messages count as acknowledged.
  const highest = Math.max(after?.highestSequence ?? 0, stream.firstSequence - 1);
  if (acknowledgedBeyond(highest, durable) || hasFallen(highest, durable, after, last)) {
    const counted = after?.highestSequence ?? 0;
    const of = building === undefined ? '' : ` --generation ${building}`;
    return (
      `Postgres was restored: events after sequence ${counted} were acknowledged and are not in ` +
      `it. Run: ops seek --to-data-as-of${of}`
    );
  }
  return undefined;
}

/**
 * Acknowledged means committed. The floor alone lags behind a process that sleeps with a batch, so
 * the count is compared too: each event delivered beyond the committed ones must still be held,
 * unacknowledged, by some process.
 */
function acknowledgedBeyond(highest: number, durable: DurableState): boolean {
  const { ackFloor, deliveredSequence, unacknowledgedCount } = durable;
  return ackFloor > highest || deliveredSequence - highest > unacknowledgedCount;
}

/**
 * What this process has seen committed is not any more, and was delivered since: a seek would have
 * taken that back.
 */
function hasFallen(
  highest: number,
  { deliveredSequence }: DurableState,
  after: KnownStream | undefined,
  last: KnownStream | undefined,
): boolean {
  if (last === undefined || deliveredSequence <= highest) return false;
  const same = after === undefined || after.streamId === last.streamId;
  return same && (after?.highestSequence ?? 0) < last.highestSequence;
}

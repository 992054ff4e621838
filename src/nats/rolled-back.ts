// Tells a stream that lost its newest part from the one that was counted. Its end alone does not,
// once it has grown again: then another event has the sequence of the highest counted one.
import type { EpochMicros } from '../domain/time/instant.js';

/**
 * How far was counted, and when the event there was published (undefined where that is not known).
 */
export interface CountedPlace {
  readonly highestSequence: number;
  readonly highestPublishedAt: EpochMicros | undefined;
}

/** `foundAt`: when the event now at that sequence was published; undefined where none is there. */
export function isRolledBack(
  { highestSequence, highestPublishedAt }: CountedPlace,
  lastSequence: number,
  foundAt: EpochMicros | undefined,
): boolean {
  if (lastSequence < highestSequence) return true;
  return (
    highestPublishedAt !== undefined && foundAt !== undefined && foundAt !== highestPublishedAt
  );
}

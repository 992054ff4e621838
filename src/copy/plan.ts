// What a run has to copy: the changes since the checkpoint, or everything. Everything goes into a
// copy of its own number, which views read only once it is complete and marked; so neither an old
// row nor a half-filled copy is ever seen. The table of cases is the whole of this file; it reads
// nothing.

import type { Mark } from './clickhouse/marks.js';
import type { CheckpointState } from './postgres/checkpoint.js';
import type { RunSnapshot } from './postgres/snapshot.js';

/** Copy the changes into the copy of the checkpoint, or everything into `copy`. */
export type Plan =
  | { readonly kind: 'changes'; readonly copy: bigint; readonly since: string }
  | { readonly kind: 'full'; readonly copy: bigint; readonly cause: FullCause };

/** Why everything is copied. */
export type FullCause =
  | 'first copy'
  | 'new generation'
  | 'asked for'
  | 'ClickHouse was emptied'
  | 'ClickHouse was restored'
  | 'ClickHouse lost a table'
  | 'marked, not checkpointed'
  | 'Postgres was restored';

/** All that the decision rests on. */
export interface Circumstances {
  readonly state: CheckpointState;
  readonly snapshot: RunSnapshot;
  readonly mark: Mark | undefined;
  /** Postgres remembers the run that wrote the mark. */
  readonly markIsKnown: boolean;
  /**
   * A table has no row of the marked copy, although Postgres has rows that are older than the
   * checkpoint.
   */
  readonly tableIsLost: boolean;
  readonly fullAskedFor: boolean;
  /** This run's own: greater than every epoch and every copy's number there ever was. */
  readonly epoch: bigint;
}

/** The plan, and never a guess: whatever does not fit together leads to a full copy. */
export function planRun(circumstances: Circumstances): Plan {
  const { state, snapshot, mark, epoch } = circumstances;
  const { checkpoint, pending } = state;
  const afresh = (cause: FullCause): Plan => ({ kind: 'full', copy: epoch, cause });
  const continued = (cause: FullCause): Plan =>
    pending?.generation === snapshot.generation
      ? // Rows of the attempt before are of this Postgres: versions decide.
        { kind: 'full', copy: pending.copy, cause }
      : afresh(cause);

  if (circumstances.fullAskedFor) return afresh('asked for');
  if (mark !== undefined && !circumstances.markIsKnown) return afresh('Postgres was restored');
  if (checkpoint === undefined) return continued('first copy');
  if (isOfAnotherHistory(checkpoint, snapshot)) return afresh('Postgres was restored');
  if (checkpoint.generation !== snapshot.generation) return continued('new generation');
  if (mark === undefined) return afresh('ClickHouse was emptied');
  if (mark.epoch < checkpoint.epoch) return afresh('ClickHouse was restored');
  if (mark.copy !== checkpoint.copy) return continued('marked, not checkpointed');
  if (circumstances.tableIsLost) return afresh('ClickHouse lost a table');
  return { kind: 'changes', copy: checkpoint.copy, since: checkpoint.snapshot };
}

/**
 * Transaction ids of another cluster, or beyond what this one has reached, say nothing about
 * visibility.
 */
function isOfAnotherHistory(
  checkpoint: { readonly systemIdentifier: string; readonly snapshot: string },
  snapshot: RunSnapshot,
): boolean {
  if (checkpoint.systemIdentifier !== snapshot.systemIdentifier) return true;
  return upperBound(checkpoint.snapshot) > upperBound(snapshot.snapshot);
}

/** xmax of a pg_snapshot's text, `xmin:xmax:xip,…`. */
function upperBound(snapshot: string): bigint {
  return BigInt(snapshot.split(':')[1] ?? '0');
}

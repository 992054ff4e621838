/**
 * The revision that answers would have now, asked of the database at most every so often. Callers
 * within that time share one look, so that a cached answer costs no statement of its own.
 */
import type { Clock } from '../platform/clock.js';
import type { ReadLimits } from '../store/postgres/pool.js';
import { type AnswerState, selectAnswerState } from '../store/postgres/select-answer-state.js';
import { noteState, type Remembering } from './fresh-read.js';
import { freshnessOf, revisionOf } from './periods.js';
import type { Sources } from './sources.js';

/** How long an answer may be repeated after the data have changed. */
export const DEFAULT_REVISION_POLL_MS = 200;

const LOOK_TIMEOUT_MS = 5_000;

/**
 * A function that resolves to the current revision, at most `pollMs` old, or to undefined where the
 * database does not say; it never rejects.
 */
export function watchRevision(
  sources: Remembering & Pick<Sources, 'statePool'>,
  clock: Clock,
  pollMs: number,
): () => Promise<string | undefined> {
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<string | undefined> | undefined;
  let revision: string | undefined;
  const look = async () => {
    const startedMs = clock.monotonicMs();
    const never = new AbortController().signal;
    const limits: ReadLimits = { signal: never, remainingMs: LOOK_TIMEOUT_MS };
    try {
      const state: AnswerState = await sources.statePool.read(limits, selectAnswerState);
      noteState(sources, state);
      revision = revisionOf(freshnessOf(state, sources.settleHours));
      lookedAtMs = startedMs;
    } catch {
      // The question itself will meet the same trouble and say so.
      revision = undefined;
    } finally {
      looking = undefined;
    }
    return revision;
  };
  return async () => {
    if (revision !== undefined && clock.monotonicMs() - lookedAtMs < pollMs) return revision;
    looking ??= look();
    return looking;
  };
}

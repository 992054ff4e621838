/**
 * The latest look at what answers stand on, taken of the database at most every so often. Callers
 * within that time share one look, so that an answer that needs nothing else costs no statement.
 */
import type { Clock } from '../platform/clock.js';
import { type Look, selectLook } from '../store/postgres/look.js';
import type { ReadLimits, ReadPool } from '../store/postgres/pool.js';
import type { SlotMemory } from '../store/postgres/slot-memory.js';

/** How long an answer may be repeated after the data have changed. */
export const DEFAULT_LOOK_INTERVAL_MS = 200;

const LOOK_TIMEOUT_MS = 5_000;

/** The look that was begun last of those that have ended; shared by whoever takes one. */
export interface LatestLook {
  look: Look | undefined;
  startedMs: number;
}

/** What a look changes. */
export interface LookedAt {
  readonly latest: LatestLook;
  readonly memory: SlotMemory;
}

/** Notes a look that was begun at `startedMs`, unless a later one is known. */
export function noteLook({ latest, memory }: LookedAt, look: Look, startedMs: number): void {
  if (latest.look !== undefined && startedMs < latest.startedMs) return;
  latest.look = look;
  latest.startedMs = startedMs;
  memory.enter(look);
}

/**
 * A function that resolves to the latest look, at most `intervalMs` old, or to undefined where the
 * database does not say; it never rejects.
 */
export function watchLook(
  sources: LookedAt & { readonly statePool: ReadPool },
  clock: Clock,
  intervalMs: number,
): () => Promise<Look | undefined> {
  const { latest, statePool } = sources;
  let looking: Promise<Look | undefined> | undefined;
  const look = async () => {
    const startedMs = clock.monotonicMs();
    const never = new AbortController().signal;
    const limits: ReadLimits = { signal: never, remainingMs: LOOK_TIMEOUT_MS };
    try {
      noteLook(sources, await statePool.read(limits, selectLook), startedMs);
      return latest.look;
    } catch {
      // The question itself will meet the same trouble and say so.
      return undefined;
    } finally {
      looking = undefined;
    }
  };
  return () => {
    if (latest.look !== undefined && clock.monotonicMs() - latest.startedMs < intervalMs) {
      return Promise.resolve(latest.look);
    }
    looking ??= look();
    return looking;
  };
}

// The latest look at what answers stand on, taken of the database at most every so often. Callers
// within that time share one look, so that an answer that needs nothing else costs no statement.
import type { Clock } from '../../platform/clock.js';
import type { ReadLimits, ReadPool } from '../../postgres/pool.js';
import type { SlotMemory } from '../memory/slot-memory.js';
import { type Look, selectLook } from './look.js';
import type { AnswerState } from './select-answer-state.js';

/** How long an answer may be repeated after the data have changed. */
export const DEFAULT_LOOK_INTERVAL_MS = 200;

const LOOK_TIMEOUT_MS = 5_000;

/** The look that was begun last of those that have ended; shared by whoever takes one. */
export interface LatestLook {
  look: Look | undefined;
  startedMs: number;
  /** A look that was begun before is older than what was answered already. */
  notBeforeMs: number;
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
 * Tells of a state that was answered, as it was at `nowMs` or before. Where its data_as_of is later
 * than the latest look's, no question that comes from now on is answered from a look that was begun
 * before: data_as_of would go back.
 */
export function noteState({ latest }: Pick<LookedAt, 'latest'>, state: AnswerState, nowMs: number) {
  if ((state.dataAsOf ?? 0) > (latest.look?.dataAsOf ?? 0)) latest.notBeforeMs = nowMs;
}

/** Where the latest look is to be had. */
export interface LookWatch {
  /** At most `intervalMs` old, without waiting; undefined where there is none. */
  readonly recentLook: () => Look | undefined;
  /** The recent look or a new one; undefined where the database does not say. It never rejects. */
  readonly look: () => Promise<Look | undefined>;
}

/** Looks when asked, at most every `intervalMs`; who asks meanwhile shares the look. */
export function watchLook(
  sources: LookedAt & { readonly statePool: ReadPool },
  clock: Clock,
  intervalMs: number,
): LookWatch {
  const { latest, statePool } = sources;
  let looking: { readonly startedMs: number; readonly look: Promise<Look | undefined> } | undefined;
  const take = async (startedMs: number) => {
    const never = new AbortController().signal;
    const limits: ReadLimits = { signal: never, remainingMs: LOOK_TIMEOUT_MS };
    try {
      noteLook(sources, await statePool.read(limits, selectLook, { atOnce: true }), startedMs);
      return latest.look;
    } catch {
      // The question itself will meet the same trouble and say so.
      return undefined;
    } finally {
      if (looking?.startedMs === startedMs) looking = undefined;
    }
  };
  const isUsable = () => latest.startedMs >= latest.notBeforeMs;
  const recentLook = () =>
    isUsable() && clock.monotonicMs() - latest.startedMs < intervalMs ? latest.look : undefined;
  return {
    recentLook,
    look: async () => {
      const recent = recentLook();
      if (recent !== undefined) return recent;
      for (;;) {
        if (looking === undefined || looking.startedMs < latest.notBeforeMs) {
          const startedMs = clock.monotonicMs();
          looking = { startedMs, look: take(startedMs) };
        }
        const look = await looking.look;
        if (look === undefined || isUsable()) return look;
      }
    },
  };
}

// What answers are made from, and within which limits.

import { type FieldViolation, InvalidQuestion } from '../../domain/failure.js';
import { type RangeRules, retainedFrom } from '../../domain/time/range.js';
import type { Clock } from '../../platform/clock.js';
import type { ReadLimits, ReadPool } from '../../postgres/pool.js';
import { BASE_GRAIN_MINUTES, THROUGHPUT_GRAIN_MINUTES } from '../../rollups/grains.js';
import type { SlotMemory } from '../memory/slot-memory.js';
import type { QueryContext } from '../question/context.js';
import type { Look } from './look.js';
import type { LatestLook } from './look-watch.js';

export interface Sources {
  /** Reads of the platform, under analytics_platform. */
  readonly platformPool: ReadPool;
  /** Reads of one account, under analytics_account: row-level security binds them. */
  readonly accountPool: ReadPool;
  /**
   * Looks at the state of answers, and nothing else: whoever waits for it must not wait behind slow
   * questions. Under analytics_platform.
   */
  readonly statePool: ReadPool;
  readonly clock: Clock;
  /** Hours after which nobody awaits a receipt any longer. */
  readonly settleHours: number;
  /** Days that the 15-minute rollups are kept. */
  readonly retentionDays: number;
  /** Days that the minutes of throughput are kept. */
  readonly throughputRetentionDays: number;
  /** Longest that an answer may take, in ms, where the caller sets no deadline or a later one. */
  readonly maxAnswerMs: number;
  /**
   * What answers most likely stand on: at most a moment old, undefined where the database does not
   * say. Never rejects.
   */
  readonly look: () => Promise<Look | undefined>;
  /** The same, where it is there without waiting. */
  readonly recentLook: () => Look | undefined;
  readonly latest: LatestLook;
  /** What was read already, and what of. */
  readonly memory: SlotMemory;
  /**
   * Who reads what at this moment, so that others who lack the same can wait for it; none rejects.
   */
  readonly loads: Map<string, Promise<void>>;
}

/** The rules for the range of every question but throughput. */
export function rollupRules(sources: Sources): RangeRules {
  const oldest = retainedFrom(sources.clock.now(), sources.retentionDays);
  return { grainMinutes: BASE_GRAIN_MINUTES, retainedFrom: oldest };
}

/** The rules for the range of a question about throughput. */
export function throughputRules(sources: Sources): RangeRules {
  const oldest = retainedFrom(sources.clock.now(), sources.throughputRetentionDays);
  return { grainMinutes: THROUGHPUT_GRAIN_MINUTES, retainedFrom: oldest };
}

/** How long a read for this caller may take. */
export function limitsOf(sources: Sources, context: QueryContext): ReadLimits {
  const { signal, deadline } = context;
  const leftMs =
    deadline === undefined ? sources.maxAnswerMs : (deadline - sources.clock.now()) / 1000;
  return { signal, remainingMs: Math.min(leftMs, sources.maxAnswerMs) };
}

/** Narrows away what is undefined only where a violation was added. */
export function assertValid<T>(
  value: T | undefined,
  violations: readonly FieldViolation[],
): asserts value is T {
  if (violations.length > 0 || value === undefined) throw new InvalidQuestion(violations);
}

// Reading without waiting for the state that an answer stands on. What a question reads depends on
// little of that state, and that little changes every quarter of an hour; so it is read as the
// latest look says, in the same round trip that asks what the state is. Invariant: an answer is
// made of what was read under the very state that its `meta` tells; where the guess was wrong, it
// is read again under the state that was found. That one is wrong only if another quarter of an
// hour has begun meanwhile, and all rounds share one limit of time.

import { floorToMinutes } from '../../domain/time/instant.js';
import type { ReadLimits } from '../../postgres/pool.js';
import { BASE_GRAIN_MINUTES } from '../../rollups/grains.js';
import type { QueryContext } from '../question/context.js';
import { type Freshness, freshnessOf } from '../question/periods.js';
import { noteState } from './look-watch.js';
import type { AnswerState } from './select-answer-state.js';
import { limitsOf, type Sources } from './sources.js';

/** No state is like it. */
const UNKNOWN: AnswerState = { generation: 0, dataAsOf: undefined, revision: '', origin: '' };

/**
 * What `read` finds in one snapshot, with the state of that snapshot, and how fresh that is; all of
 * it within one limit.
 */
export async function readFresh<T extends { readonly state: AnswerState }>(
  sources: Sources,
  context: QueryContext,
  read: (assumed: Freshness, limits: ReadLimits) => Promise<T>,
): Promise<T & { readonly fresh: Freshness }> {
  const { latest, settleHours, clock } = sources;
  const { signal, remainingMs } = limitsOf(sources, context);
  const endsAt = clock.monotonicMs() + remainingMs;
  // For the next ones; nobody waits for it here.
  if (sources.recentLook() === undefined) void sources.look();
  for (let assumed = freshnessOf(latest.look ?? UNKNOWN, settleHours); ; ) {
    const found = await read(assumed, { signal, remainingMs: endsAt - clock.monotonicMs() });
    const fresh = freshnessOf(found.state, settleHours);
    if (readsAlike(assumed, fresh)) {
      noteState(sources, found.state, clock.monotonicMs());
      return { ...found, fresh };
    }
    assumed = fresh;
  }
}

/**
 * Whether a question reads the same cells under both; src/answers/question/periods.ts uses no more
 * of them.
 */
function readsAlike(left: Freshness, right: Freshness): boolean {
  const elapsed = ({ dataAsOf }: Freshness) => floorToMinutes(dataAsOf, BASE_GRAIN_MINUTES);
  return (
    left.state.origin === right.state.origin &&
    left.state.generation === right.state.generation &&
    left.settledThrough === right.settledThrough &&
    elapsed(left) === elapsed(right)
  );
}

/**
 * Reading without waiting for the state that an answer stands on. What a question reads depends on
 * little of that state, and that little changes every quarter of an hour; so it is read as the latest
 * look says, in the same round trip that asks what the state is. Invariant: an answer is made of what
 * was read under the very state that its `meta` tells; where the guess was wrong, it is read again in
 * the same snapshot.
 */
import { BASE_GRAIN_MINUTES } from '../domain/counted.js';
import { floorToMinutes } from '../domain/instant.js';
import type { AnswerState } from '../store/postgres/select-answer-state.js';
import { type Freshness, freshnessOf } from './periods.js';
import type { Sources } from './sources.js';

/** What was read, and how fresh it is. */
export interface FreshRead<T> {
  readonly fresh: Freshness;
  readonly figures: T;
}

/** `asked` must have been sent before, so that its statement is the snapshot's first. */
export async function readFresh<T>(
  { latest, settleHours }: Pick<Sources, 'latest' | 'settleHours'>,
  asked: Promise<AnswerState>,
  read: (fresh: Freshness) => Promise<T>,
): Promise<FreshRead<T>> {
  const guess = latest.look && freshnessOf(latest.look, settleHours);
  const guessed = guess && read(guess);
  const [state, early] = await Promise.all([asked, guessed]);
  const fresh = freshnessOf(state, settleHours);
  if (guess !== undefined && readsAlike(guess, fresh)) return { fresh, figures: early as T };
  return { fresh, figures: await read(fresh) };
}

/** Whether a question reads the same cells under both; src/query/periods.ts uses no more of them. */
function readsAlike(left: Freshness, right: Freshness): boolean {
  const elapsed = ({ dataAsOf }: Freshness) => floorToMinutes(dataAsOf, BASE_GRAIN_MINUTES);
  return (
    left.state.origin === right.state.origin &&
    left.state.generation === right.state.generation &&
    left.settledThrough === right.settledThrough &&
    elapsed(left) === elapsed(right)
  );
}

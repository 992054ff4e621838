/**
 * Reading without waiting for the state that an answer stands on. What a question reads depends on
 * little of that state, and that little changes every quarter of an hour; so it is read as the latest
 * known state says, in the same round trip that looks what the state is. Invariant: an answer is made
 * of what was read under the very state that its `meta` tells; where the guess was wrong, it is read
 * again in the same snapshot.
 */
import { BASE_GRAIN_MINUTES } from '../domain/counted.js';
import { floorToMinutes } from '../domain/instant.js';
import type { AnswerState } from '../store/postgres/select-answer-state.js';
import { type Freshness, freshnessOf } from './periods.js';
import type { Sources } from './sources.js';

/** The state that was seen last; undefined before the first look. */
export interface LatestState {
  state: AnswerState | undefined;
}

/** What was read, and how fresh it is. */
export interface FreshRead<T> {
  readonly fresh: Freshness;
  readonly figures: T;
}

/** What an answer may use of the answers before it. */
export type Remembering = Pick<Sources, 'latest' | 'histograms' | 'accounts' | 'settleHours'>;

/** `look` must have been called before, so that its statement is the snapshot's first. */
export async function readFresh<T>(
  sources: Remembering,
  look: Promise<AnswerState>,
  read: (fresh: Freshness) => Promise<T>,
): Promise<FreshRead<T>> {
  const { latest, settleHours } = sources;
  const guess = latest.state && freshnessOf(latest.state, settleHours);
  const guessed = guess && read(guess);
  const [state, early] = await Promise.all([look, guessed]);
  noteState(sources, state);
  const fresh = freshnessOf(state, settleHours);
  if (guess !== undefined && readsAlike(guess, fresh)) return { fresh, figures: early as T };
  return { fresh, figures: await read(fresh) };
}

/** Keeps what was seen. Versions of another database, a restored copy perhaps, may come to mean other cells. */
export function noteState(sources: Remembering, state: AnswerState): void {
  const { latest, histograms, accounts } = sources;
  if (latest.state?.origin !== state.origin) {
    histograms.clear();
    accounts.clear();
  }
  latest.state = state;
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

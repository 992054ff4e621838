/**
 * Which generation is served, how fresh it is, and under whose eyes the rest of a transaction reads.
 * Always the first statement of a snapshot, so that `meta` and rows come from the same one.
 */
import { Unavailable } from '../../domain/failure.js';
import type { EpochMicros } from '../../domain/instant.js';
import type { Row, Snapshot } from './pool.js';

/** What every answer is based on. */
export interface AnswerState {
  readonly generation: number;
  /** Undefined before the first look at the broker. */
  readonly dataAsOf: EpochMicros | undefined;
  /** Differs whenever an answer could differ. */
  readonly revision: string;
  /** Which server and which database these are: another one after a restart, a failover, a restored copy. */
  readonly origin: string;
}

const ORIGIN = `concat_ws(' ', pg_postmaster_start_time(), 'outcome_sum'::regclass::oid)`;

/** Of `answer_state`, in the order in which `stateOf` reads them. */
export const STATE_COLUMNS = `generation, (extract(epoch FROM data_as_of) * 1000000)::bigint, revision, ${ORIGIN}`;

const SCOPED_STATE = `
  SELECT ${STATE_COLUMNS}, set_config('analytics.account_id', $1, true)
    FROM answer_state`;

const STATE = `SELECT ${STATE_COLUMNS} FROM answer_state`;

/**
 * The state of the snapshot.
 * @throws {Unavailable} nothing is served yet
 */
export async function selectAnswerState(snapshot: Snapshot): Promise<AnswerState> {
  return stateOf(await snapshot.rows('answer_state', STATE, []));
}

/**
 * The state of the snapshot, which from here to its end sees the rows of `accountId` only: row-level
 * security compares with this setting, and it ends with the transaction.
 * @throws {Unavailable} nothing is served yet
 */
export async function selectAnswerStateFor(
  snapshot: Snapshot,
  accountId: string,
): Promise<AnswerState> {
  return stateOf(await snapshot.rows('answer_state_scoped', SCOPED_STATE, [accountId]));
}

/** @throws {Unavailable} there is no row: nothing is served yet */
export function stateOf([row]: readonly Row[]): AnswerState {
  if (row === undefined) throw new Unavailable('no generation is served yet');
  const [generation, dataAsOf, revision, origin] = row;
  return {
    generation: Number(generation),
    dataAsOf: dataAsOf == null ? undefined : Number(dataAsOf),
    revision: revision ?? '',
    origin: origin ?? '',
  };
}

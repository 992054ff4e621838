// Which generation is served, and how fresh it is: read in the snapshot of the answer, so that
// `meta` and rows belong together.
import { Unavailable } from '../../domain/failure.js';
import type { EpochMicros } from '../../domain/time/instant.js';
import type { Row, Snapshot } from '../../postgres/pool.js';

/** What every answer is based on. */
export interface AnswerState {
  readonly generation: number;
  /** Undefined before the first look at the broker. */
  readonly dataAsOf: EpochMicros | undefined;
  /** Differs whenever an answer could differ. */
  readonly revision: string;
  /**
   * Which server and which database these are: another one after a restart, a failover, a restored
   * copy.
   */
  readonly origin: string;
}

/** Of `answer_state`, in the order in which `stateOf` reads them. */
export const STATE_COLUMNS = `generation,
         (extract(epoch FROM data_as_of) * 1000000)::bigint,
         revision,
         concat_ws(' ', pg_postmaster_start_time(), 'outcome_sum'::regclass::oid)`;

const STATE = `SELECT ${STATE_COLUMNS} FROM answer_state`;

/**
 * The state of the snapshot.
 * @throws {Unavailable} nothing is served yet
 */
export async function selectAnswerState(snapshot: Snapshot): Promise<AnswerState> {
  return stateOf(await snapshot.rows('answer_state', STATE, []));
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

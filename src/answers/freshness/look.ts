// A look at what answers stand on: the state that `meta` tells, and the version of every day. As
// long as the versions of its days are the same, so is everything that was read of a range
// (day_version is written by the transaction that changes a cell), so what was read once need not
// be read again.
import { type EpochMicros, MICROS_PER_DAY } from '../../domain/time/instant.js';
import type { Snapshot } from '../../postgres/pool.js';
import { readNumbers } from '../../rollups/array-text.js';
import { DAY_MINUTES } from '../../rollups/grains.js';
import { type AnswerState, STATE_COLUMNS, stateOf } from './select-answer-state.js';

/** What one snapshot says. */
export interface Look extends AnswerState {
  /** Generation and database: what versions can be compared within. */
  readonly owner: string;
  readonly days: DayVersions;
}

/** The versions of UTC days. */
export class DayVersions {
  readonly #first: number;
  /** `#sums[i]` is the sum of the versions of the days from the first on, `i` of them. */
  readonly #sums: Float64Array;

  /** `days` since 1970, ascending, with the version of each; other days have version 0. */
  constructor(days: readonly number[], versions: readonly number[]) {
    this.#first = days[0] ?? 0;
    this.#sums = new Float64Array((days.at(-1) ?? 0) - this.#first + 2);
    for (let i = 0; i < days.length; i++) {
      this.#sums[(days[i] as number) - this.#first + 1] = versions[i] as number;
    }
    for (let i = 1; i < this.#sums.length; i++) {
      this.#sums[i] = (this.#sums[i] as number) + (this.#sums[i - 1] as number);
    }
  }

  /**
   * The sum of the versions of the days that [from, to) touches. Versions only grow, so two sums of
   * one range are equal if and only if no day of it has changed.
   */
  of(from: EpochMicros, to: EpochMicros): number {
    return (
      this.#upTo(Math.ceil(to / MICROS_PER_DAY)) - this.#upTo(Math.floor(from / MICROS_PER_DAY))
    );
  }

  #upTo(day: number): number {
    const index = Math.min(Math.max(0, day - this.#first), this.#sums.length - 1);
    return this.#sums[index] as number;
  }
}

// The serving generation is known only inside the statement; LATERAL lets its partition be chosen
// at run time.
const LOOK = `
  SELECT ${STATE_COLUMNS}, version.days, version.versions
    FROM answer_state
   CROSS JOIN LATERAL (
     SELECT array_agg(day.number ORDER BY day.number) AS days,
            array_agg(day.version ORDER BY day.number) AS versions
       FROM (SELECT extract(epoch FROM bucket)::bigint / 86400 AS number, version
               FROM day_version
              WHERE day_version.generation = answer_state.generation
                AND day_version.grain_minutes = ${DAY_MINUTES}) AS day
   ) AS version`;

/**
 * The look of the snapshot, under analytics_platform.
 * @throws {Unavailable} nothing is served yet
 */
export async function selectLook(snapshot: Snapshot): Promise<Look> {
  const rows = await snapshot.rows('look', LOOK, []);
  const [, , , , days, versions] = rows[0] ?? [];
  const state = stateOf(rows);
  return {
    ...state,
    owner: `${state.generation} ${state.origin}`,
    days: new DayVersions(readNumbers(days ?? '{}'), readNumbers(versions ?? '{}')),
  };
}

/**
 * Every account's outcomes of a whole UTC day, added up after the day is over. Invariant: what stands
 * in outcome_account_day is what outcome_account had when the day's version was `added_up`; where the
 * day has changed since, readers see it by the version and go back to the quarters of an hour.
 */
import type { Pool } from 'pg';
import { BASE_GRAIN_MINUTES } from '../../domain/counted.js';
import { type EpochDay, formatInstant, MICROS_PER_DAY } from '../../domain/instant.js';
import { DAY_MINUTES } from './cells.js';

type Queryable = Pick<Pool, 'query'>;

/** A day that is over and not added up, and its version: as long as that is the same, nothing of the day has changed. */
export interface DueDay {
  readonly day: EpochDay;
  readonly version: bigint;
}

/** The days of a generation that are due, newest first: those are asked for most. */
export async function daysToAddUp(pool: Queryable, generation: number): Promise<DueDay[]> {
  const { rows } = await pool.query<{ day: number; version: string }>({
    name: 'days-to-add-up',
    text: `
      SELECT (extract(epoch FROM day.bucket) / 86400)::int AS day, coalesce(r.version, 0) AS version
        FROM generate_series(
               (SELECT date_bin('1 day', min(bucket), timestamptz '2000-01-01T00:00:00Z') FROM outcome_account
                 WHERE generation = $1 AND grain_minutes = ${BASE_GRAIN_MINUTES}),
               now() - interval '24 hours', interval '24 hours') AS day (bucket)
        LEFT JOIN day_version AS r ON r.generation = $1 AND r.grain_minutes = ${DAY_MINUTES} AND r.bucket = day.bucket
       WHERE r.added_up IS DISTINCT FROM coalesce(r.version, 0)
       ORDER BY day.bucket DESC`,
    values: [generation],
  });
  return rows.map(({ day, version }) => ({ day, version: BigInt(version) }));
}

// One statement is one snapshot: the version belongs to the cells. Cells never go before their day does, so nothing has to be
// deleted. The lock is for thrift: two processes would write the same. A rebuilt generation has no versions of copied days.
const ADD_UP = `
  WITH due AS MATERIALIZED (
    SELECT coalesce(max(version), 0) AS version FROM day_version
     WHERE generation = $1 AND grain_minutes = ${DAY_MINUTES} AND bucket = $2::timestamptz
    HAVING max(added_up) IS DISTINCT FROM coalesce(max(version), 0) AND pg_try_advisory_xact_lock($1, $3)
  ), added AS (
    INSERT INTO outcome_account_day AS r
      (generation, bucket, account_id, operator_id, outcome, reason, messages, segments)
    SELECT $1, $2, account_id, operator_id, outcome, reason, sum(messages)::bigint, sum(segments)::bigint
      FROM due, outcome_account
     WHERE generation = $1 AND grain_minutes = ${BASE_GRAIN_MINUTES}
       AND bucket >= $2::timestamptz AND bucket < $2::timestamptz + interval '24 hours'
     GROUP BY 3, 4, 5, 6 ORDER BY 3, 4, 5, 6
    ON CONFLICT (generation, grain_minutes, bucket, account_id, operator_id, outcome, reason)
    DO UPDATE SET messages = excluded.messages, segments = excluded.segments
     WHERE (r.messages, r.segments) <> (excluded.messages, excluded.segments)
  )
  INSERT INTO day_version AS r (generation, bucket, version, added_up)
  SELECT $1, $2, version, version FROM due
  ON CONFLICT (generation, grain_minutes, bucket) DO UPDATE SET added_up = excluded.added_up`;

/** Adds up one day of a generation; false where it was added up already or another process is at it. Repeatable. */
export async function addUpDay(
  pool: Queryable,
  generation: number,
  day: EpochDay,
): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'add-up-day',
    text: ADD_UP,
    values: [generation, formatInstant(day * MICROS_PER_DAY), day],
  });
  return rowCount === 1;
}

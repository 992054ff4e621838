// Every account's whole UTC day, added up after the day is over: in outcome_account_day what became
// of its messages, in account_usage_day its hours as texts in one row. Invariant: what stands there
// is what the rollups had when the day's version was `added_up` and `usage_added_up`; where the day
// has changed since, readers see it by the version and go back to the rollups. A text in another
// format than this program's is not read, and is written anew.

import { type EpochDay, formatInstant, MICROS_PER_DAY } from '../../domain/time/instant.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';
import { CELL_TEXT_FORMAT, COUNTS_OF_CELLS, MONEY_OF_CELLS } from '../../rollups/cell-text.js';
import { BASE_GRAIN_MINUTES, DAY_MINUTES, HOUR_MINUTES, utcDay } from '../../rollups/grains.js';

/** Whether a day has rows whose text is not in the format of this program. */
const hasOtherFormat = (bucket: string) => `EXISTS (
         SELECT FROM account_usage_day AS usage
          WHERE usage.generation = :generation
            AND usage.grain_minutes = ${DAY_MINUTES}
            AND usage.bucket = ${bucket}
            AND usage.format <> ${CELL_TEXT_FORMAT})`;

/**
 * A day that is over and not added up, and its version: as long as that is the same, nothing of the
 * day has changed.
 */
export interface DueDay {
  readonly day: EpochDay;
  readonly version: bigint;
}

const DUE_DAYS = sql<{ generation: number }>`
  SELECT (extract(epoch FROM day.bucket) / 86400)::int AS day,
         coalesce(made.version, 0) AS version
    FROM generate_series(
           (SELECT ${utcDay('min(bucket)')}
              FROM outcome_account
             WHERE generation = :generation
               AND grain_minutes = ${String(BASE_GRAIN_MINUTES)}),
           now() - interval '24 hours',
           interval '24 hours') AS day (bucket)
    LEFT JOIN day_version AS made
      ON made.generation = :generation
     AND made.grain_minutes = ${String(DAY_MINUTES)}
     AND made.bucket = day.bucket
   WHERE made.added_up IS DISTINCT FROM coalesce(made.version, 0)
      OR made.usage_added_up IS DISTINCT FROM coalesce(made.version, 0)
      OR ${hasOtherFormat('day.bucket')}
   ORDER BY day.bucket DESC`;

/** The days of a generation that are due, newest first: those are asked for most. */
export async function daysToAddUp(pool: Queryable, generation: number): Promise<DueDay[]> {
  const { rows } = await pool.query<{ day: number; version: string }>({
    name: 'days-to-add-up',
    ...DUE_DAYS({ generation }),
  });
  return rows.map(({ day, version }) => ({ day, version: BigInt(version) }));
}

interface DayParameters {
  readonly generation: number;
  /** Its start. */
  readonly bucket: string;
  /** The second key of the advisory lock. */
  readonly day: EpochDay;
}

// One statement is one snapshot: the version belongs to the cells. Cells never go before their day
// does, so nothing has to be deleted. The advisory lock is for thrift: two processes would write
// the same. A rebuilt generation has no versions of copied days. The row of the version is locked
// last, as counting a message of that day waits for it: Postgres runs last the part to which
// nothing refers.
const addingUp = (versionColumn: string, isStale: string, added: string) =>
  sql<DayParameters>`
  WITH due AS MATERIALIZED (
    SELECT coalesce(max(version), 0) AS version
      FROM day_version
     WHERE generation = :generation
       AND grain_minutes = ${String(DAY_MINUTES)}
       AND bucket = :bucket::timestamptz
    HAVING (max(${versionColumn}) IS DISTINCT FROM coalesce(max(version), 0)
            OR ${isStale})
       AND pg_try_advisory_xact_lock(:generation, :day)
  ), added AS (${added}
    RETURNING 1
  )
  INSERT INTO day_version AS made (generation, bucket, version, ${versionColumn})
  SELECT :generation, :bucket, due.version, due.version
    FROM due, (SELECT count(*) FROM added) AS done
  ON CONFLICT (generation, grain_minutes, bucket)
  DO UPDATE SET ${versionColumn} = excluded.${versionColumn}`;

const isOfDay = (minutes: number) => `cell.generation = :generation
               AND cell.grain_minutes = ${minutes}
               AND cell.bucket >= :bucket::timestamptz
               AND cell.bucket < :bucket::timestamptz + interval '24 hours'`;

const OUTCOMES = addingUp(
  'added_up',
  'false',
  `
    INSERT INTO outcome_account_day AS stored
      (generation, bucket, account_id, operator_id, outcome, reason, messages, segments)
    SELECT :generation, :bucket, cell.account_id, cell.operator_id, cell.outcome, cell.reason,
           sum(cell.messages)::bigint, sum(cell.segments)::bigint
      FROM due, outcome_account AS cell
     WHERE ${isOfDay(BASE_GRAIN_MINUTES)}
     GROUP BY cell.account_id, cell.operator_id, cell.outcome, cell.reason
     ORDER BY cell.account_id, cell.operator_id, cell.outcome, cell.reason
    ON CONFLICT (generation, grain_minutes, bucket, account_id, operator_id, outcome, reason)
    DO UPDATE SET messages = excluded.messages, segments = excluded.segments
     WHERE (stored.messages, stored.segments) <> (excluded.messages, excluded.segments)`,
);

// Accounts are found by day, and their hours by account. Money may stand where no messages do: it
// is counted when it was charged or refunded.
const accountsOf = (rollup: string, minutes: number) => `
            SELECT cell.account_id
              FROM due, ${rollup} AS cell
             WHERE ${isOfDay(minutes)}`;
const hoursOf = (rollup: string, texts: string) => `CROSS JOIN LATERAL (
            SELECT ${texts}
              FROM ${rollup} AS cell
             WHERE cell.account_id = account.account_id
               AND ${isOfDay(HOUR_MINUTES)}
            OFFSET 0)`;
const USAGE = addingUp(
  'usage_added_up',
  hasOtherFormat(':bucket::timestamptz'),
  `
    INSERT INTO account_usage_day AS stored
      (generation, bucket, account_id, format, counts, codes, money)
    SELECT :generation, :bucket, account.account_id, ${CELL_TEXT_FORMAT},
           counted.counts, charged.codes, charged.money
      FROM (${accountsOf('account_outcome_sum', HOUR_MINUTES)}
            UNION${accountsOf('money_account', BASE_GRAIN_MINUTES)}) AS account
     ${hoursOf('account_outcome_sum', COUNTS_OF_CELLS)} AS counted (counts)
     ${hoursOf('account_money_sum', MONEY_OF_CELLS)} AS charged (codes, money)
     ORDER BY account.account_id
    ON CONFLICT (generation, grain_minutes, bucket, account_id)
    DO UPDATE SET format = excluded.format,
                  counts = excluded.counts,
                  codes = excluded.codes,
                  money = excluded.money
     WHERE (stored.format, stored.counts, stored.codes, stored.money)
           IS DISTINCT FROM (excluded.format, excluded.counts, excluded.codes, excluded.money)`,
);

/**
 * Adds up one day of a generation; false where it was added up already or another process is at it.
 * Repeatable.
 */
export async function addUpDay(
  pool: Queryable,
  generation: number,
  day: EpochDay,
): Promise<boolean> {
  const parameters = { generation, bucket: formatInstant(day * MICROS_PER_DAY), day };
  const outcomes = await pool.query({ name: 'add-up-outcomes', ...OUTCOMES(parameters) });
  const usage = await pool.query({ name: 'add-up-usage', ...USAGE(parameters) });
  return outcomes.rowCount === 1 || usage.rowCount === 1;
}

// Missing days of the ledger (contract, section 2): rollups count messages on them while their
// partition is absent or empty. The SQL that finds them is in migration 20261129110000;
// create_ledger_days never makes one, and the statement that counts takes nothing into one.
import { type EpochDay, type EpochMicros, formatDay } from '../../domain/time/instant.js';
import { micros } from '../../postgres/epoch-micros.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';

/** The verb that counts what was refused, once the partitions are back. */
export const REPLAY_MISSING_DAYS = 'ops dead-letters replay --all --reason day_missing';

const MISSING_DAYS = sql<{ readonly generation: number }>`
  SELECT missing - date '1970-01-01' AS day
  FROM missing_ledger_days(:generation) AS missing
  ORDER BY day`;

/** The generation's missing days from its ledger floor on, the earliest first. */
export async function readMissingDays(pool: Queryable, generation: number): Promise<EpochDay[]> {
  const { rows } = await pool.query<{ day: number }>({
    name: 'missing-days',
    ...MISSING_DAYS({ generation }),
  });
  return rows.map(({ day }) => day);
}

const EARLIEST_LETTER = sql`
  SELECT ${micros('min(published_at)')} AS published
  FROM dead_letter
  WHERE reason = 'day_missing' AND resolution IS NULL`;

/**
 * When the first event was published that was refused as `day_missing` and is still open; undefined
 * where none is. Dead letters belong to no generation: one of a building generation holds the
 * serving one, too.
 */
export async function earliestMissingDayLetter(pool: Queryable): Promise<EpochMicros | undefined> {
  const { rows } = await pool.query<{ published: string | null }>({
    name: 'earliest-missing-day-letter',
    ...EARLIEST_LETTER({}),
  });
  const published = rows[0]?.published ?? null;
  return published === null ? undefined : Number(published);
}

/** What puts missing days right. The command comes first: a log cuts long fields. */
export function missingDaysAdvice(days: readonly EpochDay[]): string {
  const names = days.map(formatDay).join(' ');
  return (
    'Ledger days are missing. Attach their partitions, then run: ' +
    `${REPLAY_MISSING_DAYS}. Days: ${names}`
  );
}

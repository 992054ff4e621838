// Appends denials to the audit, one row each. The login may insert there and nothing else; the table refuses every
// change of what it holds.
import type pg from 'pg';

/** A denied caller: who, what, why, in which minute, how often. */
export interface Denial {
  /** Start of the minute, in epoch microseconds. */
  readonly minute: number;
  readonly caller: string;
  readonly method: string;
  readonly reason: string;
  readonly count: number;
  readonly correlationId: string;
}

const STATEMENT = `
  INSERT INTO audit_record (occurred_at, actor, action, outcome, reason, occurrences, correlation_id)
  SELECT to_timestamp(minute / 1000000), actor, action, 'denied', reason, occurrences, correlation_id
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
      AS denial (minute, actor, action, reason, occurrences, correlation_id)`;

/** Appends all of them in one statement. Rejects with pg's error; a retry after that may append twice. */
export async function recordDenials(
  pool: Pick<pg.Pool, 'query'>,
  denials: readonly Denial[],
): Promise<void> {
  await pool.query(STATEMENT, [
    denials.map((denial) => denial.minute),
    denials.map((denial) => denial.caller),
    denials.map((denial) => denial.method),
    denials.map((denial) => denial.reason),
    denials.map((denial) => denial.count),
    denials.map((denial) => denial.correlationId),
  ]);
}

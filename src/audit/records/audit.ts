// The record of what the operators of the service did: append-only (a trigger refuses every
// change), a row before an act and one after it, also for an act that failed. No payload and no
// secret ever gets here.
import type { Pool } from 'pg';

/** One act of a person or a job. */
export interface AuditedAct {
  /** Who: `ops:` and a name. */
  readonly actor: string;
  /** What: the verb, such as `seek`. */
  readonly action: string;
  /** To what: a durable, a generation, a dead letter. */
  readonly target: string;
  readonly outcome: 'begun' | 'done' | 'failed';
  /** What came of it, or why it failed: one line; empty of an act that begins. */
  readonly reason: string;
  /** Of the verb that acts: the same before and after it. */
  readonly correlationId: string;
}

const LONGEST_REASON = 500;

/** Appends the record. Rejects with pg's error; the act itself is not undone by that. */
export async function recordAct(pool: Pick<Pool, 'query'>, act: AuditedAct): Promise<void> {
  const reason = act.reason.replace(/\s+/g, ' ').slice(0, LONGEST_REASON);
  await pool.query(
    `INSERT INTO audit_record (actor, action, target, outcome, reason, correlation_id)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [act.actor, act.action, act.target, act.outcome, reason, act.correlationId],
  );
}

/**
 * Whether recording failed since the schema is older than these records: no table, or an outcome
 * that it does not know.
 */
export function lacksAudit(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '42P01' || code === '23514';
}

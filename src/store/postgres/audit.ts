/**
 * The record of what the operators of the service did: append-only (a trigger refuses every change),
 * one row per act, also for an act that failed. No payload and no secret ever gets here.
 */
import type { Pool } from 'pg';

/** One act of a person or a job. */
export interface AuditedAct {
  /** Who: `ops:<user of the operating system>`. */
  readonly actor: string;
  /** What: the verb, such as `seek`. */
  readonly action: string;
  /** To what: a durable, a generation, a dead letter. */
  readonly target: string;
  readonly outcome: 'done' | 'failed';
  /** What came of it, or why it failed: one line. */
  readonly reason: string;
}

const LONGEST_REASON = 500;

/** Appends the record. Rejects with pg's error; the act itself is not undone by that. */
export async function recordAct(pool: Pick<Pool, 'query'>, act: AuditedAct): Promise<void> {
  const reason = act.reason.replace(/\s+/g, ' ').slice(0, LONGEST_REASON);
  await pool.query(
    'INSERT INTO audit_record (actor, action, target, outcome, reason) VALUES ($1, $2, $3, $4, $5)',
    [act.actor, act.action, act.target, act.outcome, reason],
  );
}

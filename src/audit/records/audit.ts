// The record of what the operators of the service did: append-only (a trigger refuses every
// change), a row before an act and one after it, also for an act that failed. No payload and no
// secret ever gets here.
import type { PrismaClient } from '../../postgres/prisma/prisma.js';
import { writing } from '../../postgres/prisma/prisma-failure.js';

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

/** Appends the record, dated by Postgres. The act itself is not undone. @throws RowWriteFailed */
export async function recordAct(
  prisma: Pick<PrismaClient, 'auditRecord'>,
  act: AuditedAct,
): Promise<void> {
  const { actor, action, target, outcome, correlationId } = act;
  const reason = act.reason.replace(/\s+/g, ' ').slice(0, LONGEST_REASON);
  const data = { actor, action, target, outcome, reason, correlationId };
  await writing(prisma.auditRecord.createMany({ data }));
}

/**
 * Whether recording failed since the schema is older than these records: no table, or an outcome
 * that it does not know.
 */
export function lacksAudit(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '42P01' || code === '23514';
}

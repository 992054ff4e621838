/**
 * Appends denials to the audit, one row each. The login may insert there and nothing else; the table
 * refuses every change of what it holds.
 */
import type { PrismaClient } from './prisma.js';

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

/** Appends all of them in one statement. Rejects with Prisma's error; a retry after that may append twice. */
export async function recordDenials(
  prisma: Pick<PrismaClient, 'auditRecord'>,
  denials: readonly Denial[],
): Promise<void> {
  await prisma.auditRecord.createMany({
    data: denials.map((denial) => ({
      occurredAt: new Date(denial.minute / 1_000),
      actor: denial.caller,
      action: denial.method,
      outcome: 'denied',
      reason: denial.reason,
      occurrences: denial.count,
      correlationId: denial.correlationId,
    })),
  });
}

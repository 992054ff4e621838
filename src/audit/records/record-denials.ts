// Appends denials to the audit, one row each. The login may insert there and nothing else; the
// table refuses every change of what it holds.
import type { PrismaClient } from '../../postgres/prisma/prisma.js';
import { writing } from '../../postgres/prisma/prisma-failure.js';

/** One audit record of a denial: who, what, why, in which minute, how often. */
export interface DenialRow {
  /** Start of the minute, in epoch microseconds. */
  readonly minute: number;
  /** The caller's name in the policy, else its validated identity, else `unidentified`. */
  readonly caller: string;
  readonly method: string;
  readonly reason: string;
  readonly count: number;
  /** The correlation id of the first of them. */
  readonly correlationId: string;
}

/**
 * Appends all of them in one statement. A retry after a failure may append twice.
 *
 * @throws RowWriteFailed
 */
export async function recordDenials(
  prisma: Pick<PrismaClient, 'auditRecord'>,
  denials: readonly DenialRow[],
): Promise<void> {
  const data = denials.map((denial) => ({
    occurredAt: new Date(denial.minute / 1_000),
    actor: denial.caller,
    action: denial.method,
    outcome: 'denied',
    reason: denial.reason,
    occurrences: denial.count,
    correlationId: denial.correlationId,
  }));
  await writing(prisma.auditRecord.createMany({ data }));
}

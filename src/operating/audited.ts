// What every act of `ops` that changes something goes through. Invariant: there is a record before
// anything changes, and without one nothing does; a kill leaves the record of the beginning alone.
import { lacksAudit, recordAct } from '../audit/records/audit.js';
import { Refused } from './exit-code.js';
import { messageOf, type StoreSession } from './session.js';
import { complain } from './terminal.js';

/** How an act is recorded. */
export interface AuditOptions {
  /** For migrations: the schema may be older than these records, or not be there at all. */
  readonly mayPrecedeAudit?: boolean;
}

type Auditing = Pick<StoreSession, 'prisma' | 'actor' | 'correlationId'>;

/**
 * Does something that changes the system, between the records that it was begun and that it was
 * done, or why it failed. `act` returns its result in one line. Rejects where the actor is unknown
 * (Refused) or the beginning cannot be recorded: nothing was changed then.
 */
export async function audited<T extends { readonly summary: string }>(
  { prisma, actor, correlationId }: Auditing,
  action: string,
  target: string,
  act: () => Promise<T>,
  { mayPrecedeAudit = false }: AuditOptions = {},
): Promise<T> {
  if (actor === undefined) {
    throw new Refused('Nothing was changed: say who you are, with --as <name> or OPS_ACTOR.');
  }
  const record = async (outcome: 'begun' | 'done' | 'failed', reason: string) =>
    recordAct(await prisma(), { actor, action, target, outcome, reason, correlationId });
  await record('begun', '').catch((error: unknown) => {
    if (mayPrecedeAudit && lacksAudit(error)) return;
    throw new Error(`Nothing was changed: the act cannot be recorded (${messageOf(error)}).`);
  });
  const result = await act().catch(async (error: unknown) => {
    await record('failed', messageOf(error)).catch((lost: unknown) =>
      complain(`${unended(correlationId)} (${messageOf(lost)}). It failed:`),
    );
    throw error;
  });
  await record('done', result.summary).catch((lost: unknown) => {
    throw new Error(
      `${result.summary}\nIt is done. ${unended(correlationId)} (${messageOf(lost)}).`,
    );
  });
  return result;
}

const unended = (correlationId: string) =>
  `The end of the act ${correlationId} could not be recorded, its beginning is`;

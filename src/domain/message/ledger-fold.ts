// A batch of events, joined per message before it goes to the database: one row per key, sorted by
// key. Sorted rows are locked in one order by all workers, so that they cannot deadlock.
import type { AdmittedEvent } from './event.js';
import { type Conflict, entryOf, joinEntries, joinRefunds, refundOf } from './ledger.js';
import type { LedgerCharge, LedgerEntry, LedgerRefund } from './ledger-entry.js';
import { compareSources } from './ledger-order.js';

/** What the ledger statement is given. */
export interface FoldedBatch {
  /** One per message, sorted by (day, messageId). */
  readonly entries: readonly LedgerEntry[];
  /** One per refund, sorted by (day, messageId, eventId). */
  readonly refunds: readonly LedgerRefund[];
  /** Displaced inside the batch, each distinct content once, sorted by source. */
  readonly conflicts: readonly Conflict[];
}

/** The join of all `events`, whatever their order; linear but for the sorting. */
export function foldBatch(events: Iterable<AdmittedEvent>): FoldedBatch {
  const entries = new Map<string, LedgerEntry>();
  const refunds = new Map<string, LedgerRefund>();
  const conflicts = new Map<string, Conflict>();
  for (const event of events) {
    if (event.kind === 'refunded') foldRefund(refunds, conflicts, refundOf(event));
    else foldEntry(entries, conflicts, entryOf(event));
  }
  return {
    entries: [...entries.values()].sort(compareKeys),
    refunds: [...refunds.values()].sort(
      (left, right) => compareKeys(left, right) || (left.eventId < right.eventId ? -1 : 1),
    ),
    conflicts: sortedConflicts(conflicts),
  };
}

/** By source; by content where a stream that was recreated gave one sequence to two events. */
function sortedConflicts(byContent: ReadonlyMap<string, Conflict>): Conflict[] {
  return [...byContent]
    .sort(
      ([leftContent, left], [rightContent, right]) =>
        compareSources(left.source, right.source) || (leftContent < rightContent ? -1 : 1),
    )
    .map(([, conflict]) => conflict);
}

function foldEntry(
  entries: Map<string, LedgerEntry>,
  conflicts: Map<string, Conflict>,
  entry: LedgerEntry,
): void {
  const key = `${entry.day} ${entry.messageId}`;
  const known = entries.get(key);
  if (known === undefined) {
    entries.set(key, entry);
    return;
  }
  const { kept, displaced } = joinEntries(known, entry);
  entries.set(key, kept);
  if (displaced !== undefined) {
    addConflict(conflicts, conflictOfCharge(entry.day, entry.messageId, displaced), displaced);
  }
}

function foldRefund(
  refunds: Map<string, LedgerRefund>,
  conflicts: Map<string, Conflict>,
  refund: LedgerRefund,
): void {
  const key = `${refund.day} ${refund.messageId} ${refund.eventId}`;
  const known = refunds.get(key);
  if (known === undefined) {
    refunds.set(key, refund);
    return;
  }
  const { kept, displaced } = joinRefunds(known, refund);
  refunds.set(key, kept);
  if (displaced !== undefined) {
    addConflict(conflicts, conflictOfRefund(displaced), displaced);
  }
}

/** Keeps one conflict per distinct content, the one that was stored first. */
function addConflict(
  conflicts: Map<string, Conflict>,
  conflict: Conflict,
  content: LedgerCharge | LedgerRefund,
): void {
  const { kind, day, messageId, eventId, accountId, operatorId } = conflict;
  const { amount, currency } = content;
  const rest = 'chargedAt' in content ? [content.chargedAt, content.segments] : content.refundedAt;
  const event = `${kind} ${day} ${messageId} ${eventId} ${accountId} ${operatorId}`;
  const key = `${event} ${amount} ${currency} ${rest}`;
  const known = conflicts.get(key);
  if (known === undefined || compareSources(conflict.source, known.source) < 0) {
    conflicts.set(key, conflict);
  }
}

/** The dead letter of a displaced charge of the message (day, messageId). */
export function conflictOfCharge(day: number, messageId: string, charge: LedgerCharge): Conflict {
  const { eventId, accountId, operatorId, source } = charge;
  return { kind: 'charged', day, messageId, eventId, accountId, operatorId, source };
}

/** The dead letter of a displaced content of a refund. */
export function conflictOfRefund(refund: LedgerRefund): Conflict {
  const { day, messageId, eventId, accountId, operatorId, source } = refund;
  return { kind: 'refunded', day, messageId, eventId, accountId, operatorId, source };
}

interface LedgerKey {
  readonly day: number;
  readonly messageId: string;
}

function compareKeys(left: LedgerKey, right: LedgerKey): number {
  if (left.day !== right.day) return left.day - right.day;
  return left.messageId < right.messageId ? -1 : left.messageId > right.messageId ? 1 : 0;
}

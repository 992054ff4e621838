// What one message is worth: the join of all its distinct events (contract, section 2). It is
// commutative, associative and idempotent, so the order, the number of copies and the number of
// workers cannot change the result. The database statement does the same join; this is its law.
// Which of two wins is in ledger-order.ts.
import { binOf } from '../measures/latency.js';
import { dayOf, type EpochDay } from '../time/instant.js';
import type { ChargedEvent, EventSource, RefundedEvent, ReportedEvent } from './event.js';
import type { LedgerCharge, LedgerEntry, LedgerRefund, LedgerReport } from './ledger-entry.js';
import { compareCharges, compareRefunds, compareReports, compareSources } from './ledger-order.js';
import { CLASS_DELIVERED, CLASS_FAILURE, classOf } from './outcome.js';
import { reasonOf } from './reasons.js';

/** A distinct charge or refund that lost to another one and is not summed: a dead letter. */
export interface Conflict {
  readonly kind: 'charged' | 'refunded';
  readonly day: EpochDay;
  readonly messageId: string;
  readonly eventId: string;
  readonly accountId: string;
  readonly operatorId: string;
  readonly source: EventSource;
}

/** The entry of a message of which only `event` is known. */
export function entryOf(event: ChargedEvent | ReportedEvent): LedgerEntry {
  const { messageId, acceptedAt } = event;
  const charged = event.kind === 'charged';
  const reportClass = charged ? 0 : classOf(event.state);
  return {
    day: dayOf(acceptedAt),
    messageId,
    acceptedAt,
    report: charged ? undefined : reportOf(event),
    deliveredSeen: reportClass === CLASS_DELIVERED,
    failureSeen: reportClass === CLASS_FAILURE,
    charge: charged ? chargeOf(event) : undefined,
  };
}

function chargeOf(event: ChargedEvent): LedgerCharge {
  const { chargedAt, eventId, segments, amount, currency, accountId, operatorId, source } = event;
  return { chargedAt, eventId, segments, amount, currency, accountId, operatorId, source };
}

function reportOf(event: ReportedEvent): LedgerReport {
  const { reportedAt, state, network, code, accountId, operatorId, eventId } = event;
  const delivered = classOf(state) === CLASS_DELIVERED;
  return {
    reportedAt,
    state,
    network,
    code,
    accountId,
    operatorId,
    eventId,
    reason: reasonOf(state, network, code),
    latencyBin: delivered ? binOf(reportedAt - event.acceptedAt) : undefined,
  };
}

/** The row of one refund. */
export function refundOf(event: RefundedEvent): LedgerRefund {
  const { messageId, eventId, refundedAt, amount, currency, accountId, operatorId, source } = event;
  const day = dayOf(event.acceptedAt);
  return { day, messageId, eventId, refundedAt, amount, currency, accountId, operatorId, source };
}

/** What a join kept, and what it displaced: a distinct content that lost, a conflict. */
export interface Joined<Kept, Displaced> {
  readonly kept: Kept;
  readonly displaced: Displaced | undefined;
}

function joinContents<T extends { readonly source: EventSource }>(
  left: T,
  right: T,
  order: number,
): Joined<T, T> {
  if (order < 0) return { kept: left, displaced: right };
  if (order > 0) return { kept: right, displaced: left };
  const kept = compareSources(left.source, right.source) <= 0 ? left : right;
  return { kept, displaced: undefined };
}

/**
 * The lesser content of one refund; the other, if it differs in more than its source, is displaced.
 */
export function joinRefunds(
  left: LedgerRefund,
  right: LedgerRefund,
): Joined<LedgerRefund, LedgerRefund> {
  return joinContents(left, right, compareRefunds(left, right));
}

/**
 * All that is known of a message by two entries of it; associative, commutative and idempotent in
 * `kept`. `displaced` is the charge that lost, if the two differ in more than their sources. Where
 * two reports count the same, `left`'s stays with its stored reason.
 * @throws {RangeError} the entries are of different messages.
 */
export function joinEntries(
  left: LedgerEntry,
  right: LedgerEntry,
): Joined<LedgerEntry, LedgerCharge> {
  if (left.messageId !== right.messageId || left.day !== right.day) {
    throw new RangeError(`entries of different messages: ${left.messageId}, ${right.messageId}`);
  }
  const charges =
    left.charge === undefined || right.charge === undefined
      ? undefined
      : joinContents(left.charge, right.charge, compareCharges(left.charge, right.charge));
  const kept: LedgerEntry = {
    day: left.day,
    messageId: left.messageId,
    acceptedAt: Math.min(left.acceptedAt, right.acceptedAt),
    report: winningReport(left.report, right.report),
    deliveredSeen: left.deliveredSeen || right.deliveredSeen,
    failureSeen: left.failureSeen || right.failureSeen,
    charge: charges === undefined ? (left.charge ?? right.charge) : charges.kept,
  };
  return { kept, displaced: charges?.displaced };
}

function winningReport(
  left: LedgerReport | undefined,
  right: LedgerReport | undefined,
): LedgerReport | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return compareReports(left, right) >= 0 ? left : right;
}

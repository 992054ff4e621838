// Which of two reports, charges or contents of a refund wins (contract, section 2). Never the order
// of arrival: only what the events say. Ids are ASCII (decoding admits nothing else), so that `<`
// on strings is the bytewise order here and under COLLATE "C" alike.
import type { EventSource } from './event.js';
import type { LedgerCharge, LedgerRefund, LedgerReport } from './ledger-entry.js';
import { CLASS_DELIVERED, classOf } from './outcome.js';

function compare<T extends string | number | bigint>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Positive where `left` wins, negative where `right` does, 0 where nothing counted differs. The
 * order is the contract's: class; time (the earlier wins among DELIVERED, the later otherwise);
 * state; network; code; account; operator; event. Copies that disagree on acceptedAt alone have
 * different bins; the greater bin wins, so that the order stays total over what is counted.
 */
export function compareReports(left: LedgerReport, right: LedgerReport): number {
  const leftClass = classOf(left.state);
  const byClass = leftClass - classOf(right.state);
  if (byClass !== 0) return byClass;
  const later = left.reportedAt - right.reportedAt;
  if (later !== 0) return leftClass === CLASS_DELIVERED ? -later : later;
  return (
    left.state - right.state ||
    left.network - right.network ||
    left.code - right.code ||
    compare(left.accountId, right.accountId) ||
    compare(left.operatorId, right.operatorId) ||
    compare(left.eventId, right.eventId) ||
    (left.latencyBin ?? -1) - (right.latencyBin ?? -1)
  );
}

/**
 * Negative where `left` wins, positive where `right` does, 0 where both are copies of one charge:
 * all that is compared is its content, and its content is all that is compared.
 */
export function compareCharges(left: LedgerCharge, right: LedgerCharge): number {
  return (
    left.chargedAt - right.chargedAt ||
    compare(left.eventId, right.eventId) ||
    left.segments - right.segments ||
    compare(left.amount, right.amount) ||
    compare(left.currency, right.currency) ||
    compare(left.accountId, right.accountId) ||
    compare(left.operatorId, right.operatorId)
  );
}

/**
 * As `compareCharges`, for two contents of one refund: by time, amount, currency, account,
 * operator.
 */
export function compareRefunds(left: LedgerRefund, right: LedgerRefund): number {
  return (
    left.refundedAt - right.refundedAt ||
    compare(left.amount, right.amount) ||
    compare(left.currency, right.currency) ||
    compare(left.accountId, right.accountId) ||
    compare(left.operatorId, right.operatorId)
  );
}

/** Negative where `left` was stored first; by sequence, then digest. */
export function compareSources(left: EventSource, right: EventSource): number {
  return left.sequence - right.sequence || compare(left.digest, right.digest);
}

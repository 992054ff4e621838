// How a folded batch becomes rows of the composite types that the ledger statement takes: one list
// of columns for both the SQL and the values, in the order of the type's attributes.
import type { DeadLetterReason, EventField } from '../../domain/message/dead-letter.js';
import type { LedgerEntry, LedgerRefund } from '../../domain/message/ledger-entry.js';
import { CLASS_NONE, classOf, outcomeOf } from '../../domain/message/outcome.js';
import type { EpochMicros } from '../../domain/time/instant.js';
import {
  type BinaryColumn,
  bigint,
  boolean,
  column,
  date,
  integer,
  nullable,
  numeric,
  smallint,
  text,
  timestamptz,
  uuid,
} from './binary-rows.js';

type Entry = LedgerEntry;

/**
 * No report counts from -infinity, no charge from infinity: the join is then a plain greatest and
 * least.
 */
export const ENTRY_COLUMNS: readonly BinaryColumn<Entry>[] = [
  column('accepted_day', date, (e: Entry) => e.day),
  column('message_id', uuid, (e: Entry) => e.messageId),
  column('accepted_at', timestamptz, (e: Entry) => e.acceptedAt),
  column('reported_at', timestamptz, (e: Entry) => e.report?.reportedAt ?? -Infinity),
  column('charged_at', timestamptz, (e: Entry) => e.charge?.chargedAt ?? Infinity),
  column('report_code', integer, (e: Entry) => e.report?.code ?? 0),
  column('charge_sequence', integer, (e: Entry) => e.charge?.source.sequence ?? 0),
  column('charge_digest', bigint, (e: Entry) => e.charge?.source.digest ?? 0n),
  column('report_class', smallint, (e: Entry) => (e.report ? classOf(e.report.state) : CLASS_NONE)),
  column('report_state', smallint, (e: Entry) => e.report?.state ?? 0),
  column('report_network', smallint, (e: Entry) => e.report?.network ?? 0),
  column('latency_bin', nullable(smallint), (e: Entry) => e.report?.latencyBin),
  column('segments', smallint, (e: Entry) => e.charge?.segments ?? 0),
  column('delivered_seen', boolean, (e: Entry) => e.deliveredSeen),
  column('failure_seen', boolean, (e: Entry) => e.failureSeen),
  column('report_account', text, (e: Entry) => e.report?.accountId ?? ''),
  column('report_operator', text, (e: Entry) => e.report?.operatorId ?? ''),
  column('report_event', text, (e: Entry) => e.report?.eventId ?? ''),
  column('outcome', text, (e: Entry) => (e.report ? outcomeOf(e.report.state) : 'PENDING')),
  column('reason', text, (e: Entry) => e.report?.reason ?? ''),
  column('charge_event', text, (e: Entry) => e.charge?.eventId ?? ''),
  column('charge_account', text, (e: Entry) => e.charge?.accountId ?? ''),
  column('charge_operator', text, (e: Entry) => e.charge?.operatorId ?? ''),
  column('currency', text, (e: Entry) => e.charge?.currency ?? ''),
  column('amount', numeric, (e: Entry) => e.charge?.amount ?? 0n),
];

type Refund = LedgerRefund;

export const REFUND_COLUMNS: readonly BinaryColumn<Refund>[] = [
  column('accepted_day', date, (r: Refund) => r.day),
  column('message_id', uuid, (r: Refund) => r.messageId),
  column('event_id', text, (r: Refund) => r.eventId),
  column('refunded_at', timestamptz, (r: Refund) => r.refundedAt),
  column('sequence', integer, (r: Refund) => r.source.sequence),
  column('digest', bigint, (r: Refund) => r.source.digest),
  column('amount', numeric, (r: Refund) => r.amount),
  column('currency', text, (r: Refund) => r.currency),
  column('account_id', text, (r: Refund) => r.accountId),
  column('operator_id', text, (r: Refund) => r.operatorId),
];

/** A refused event as it is recorded: never its payload, only ids that are valid by themselves. */
export interface DeadLetter {
  readonly sequence: number;
  /** Stream timestamp; undefined for a charge that was displaced after its arrival. */
  readonly publishedAt: EpochMicros | undefined;
  /** One of the contract's subjects, or a placeholder: a subject is a publisher's text. */
  readonly subject: string;
  readonly reason: DeadLetterReason;
  readonly field: EventField | undefined;
  readonly eventId: string | undefined;
  readonly messageId: string | undefined;
  /** First 64 bits of SHA-256 of the payload, big-endian, signed. */
  readonly digest: bigint;
}

type Letter = DeadLetter;

export const DEAD_LETTER_COLUMNS: readonly BinaryColumn<Letter>[] = [
  column('sequence', integer, (d: Letter) => d.sequence),
  column('published_at', nullable(timestamptz), (d: Letter) => d.publishedAt),
  column('subject', text, (d: Letter) => d.subject),
  column('reason', text, (d: Letter) => d.reason),
  column('field', nullable(text), (d: Letter) => d.field),
  column('event_id', nullable(text), (d: Letter) => d.eventId),
  column('message_id', nullable(uuid), (d: Letter) => d.messageId),
  column('payload_digest', bigint, (d: Letter) => d.digest),
];

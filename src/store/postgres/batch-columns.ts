/**
 * How a folded batch becomes the array parameters of the ledger statement: one array per column, one
 * list of columns for both the SQL and the values, so that the two cannot drift apart.
 */
import type { DeadLetterReason, EventField } from '../../domain/dead-letter.js';
import { formatNanos } from '../../domain/decimal.js';
import type { EpochMicros } from '../../domain/instant.js';
import type { LedgerEntry, LedgerRefund } from '../../domain/ledger.js';
import { CLASS_NONE, classOf, outcomeOf } from '../../domain/outcome.js';
import {
  bigints,
  booleans,
  days,
  instants,
  integers,
  smallints,
  texts,
  uuids,
} from './binary-array.js';

/** A column of a batch: its name and type in SQL, and the array of its values. */
export interface BatchColumn<Row> {
  readonly name: string;
  readonly type: string;
  readonly values: (rows: readonly Row[]) => Buffer | string;
}

function column<Row, T>(
  name: string,
  type: string,
  encode: (values: T[]) => Buffer | string,
  value: (row: Row) => T,
): BatchColumn<Row> {
  return { name, type, values: (rows) => encode(rows.map(value)) };
}

/** `numeric[]` in text form: decimal texts need no quoting. */
const numerics = (values: readonly string[]) => `{${values.join(',')}}`;

type Entry = LedgerEntry;

/** No report counts from -infinity, no charge from infinity: the join is then a plain greatest and least. */
export const ENTRY_COLUMNS: readonly BatchColumn<Entry>[] = [
  column('accepted_day', 'date', days, (e: Entry) => e.day),
  column('message_id', 'uuid', uuids, (e: Entry) => e.messageId),
  column('accepted_at', 'timestamptz', instants, (e: Entry) => e.acceptedAt),
  column('reported_at', 'timestamptz', instants, (e: Entry) => e.report?.reportedAt ?? -Infinity),
  column('charged_at', 'timestamptz', instants, (e: Entry) => e.charge?.chargedAt ?? Infinity),
  column('report_code', 'bigint', integers, (e: Entry) => e.report?.code ?? 0),
  column('charge_sequence', 'bigint', integers, (e: Entry) => e.charge?.source.sequence ?? 0),
  column('charge_digest', 'bigint', bigints, (e: Entry) => e.charge?.source.digest ?? 0n),
  column('report_class', 'smallint', smallints, (e: Entry) =>
    e.report ? classOf(e.report.state) : CLASS_NONE,
  ),
  column('report_state', 'smallint', smallints, (e: Entry) => e.report?.state ?? 0),
  column('report_network', 'smallint', smallints, (e: Entry) => e.report?.network ?? 0),
  column('latency_bin', 'smallint', smallints, (e: Entry) => e.report?.latencyBin),
  column('segments', 'smallint', smallints, (e: Entry) => e.charge?.segments ?? 0),
  column('delivered_seen', 'boolean', booleans, (e: Entry) => e.deliveredSeen),
  column('failure_seen', 'boolean', booleans, (e: Entry) => e.failureSeen),
  column('report_account', 'text', texts, (e: Entry) => e.report?.accountId ?? ''),
  column('report_operator', 'text', texts, (e: Entry) => e.report?.operatorId ?? ''),
  column('report_event', 'text', texts, (e: Entry) => e.report?.eventId ?? ''),
  column('outcome', 'text', texts, (e: Entry) =>
    e.report ? outcomeOf(e.report.state) : 'PENDING',
  ),
  column('reason', 'text', texts, (e: Entry) => e.report?.reason ?? ''),
  column('charge_event', 'text', texts, (e: Entry) => e.charge?.eventId ?? ''),
  column('charge_account', 'text', texts, (e: Entry) => e.charge?.accountId ?? ''),
  column('charge_operator', 'text', texts, (e: Entry) => e.charge?.operatorId ?? ''),
  column('currency', 'text', texts, (e: Entry) => e.charge?.currency ?? ''),
  column('amount', 'numeric', numerics, (e: Entry) => formatNanos(e.charge?.amount ?? 0n)),
];

type Refund = LedgerRefund;

export const REFUND_COLUMNS: readonly BatchColumn<Refund>[] = [
  column('accepted_day', 'date', days, (r: Refund) => r.day),
  column('message_id', 'uuid', uuids, (r: Refund) => r.messageId),
  column('event_id', 'text', texts, (r: Refund) => r.eventId),
  column('refunded_at', 'timestamptz', instants, (r: Refund) => r.refundedAt),
  column('sequence', 'bigint', integers, (r: Refund) => r.source.sequence),
  column('digest', 'bigint', bigints, (r: Refund) => r.source.digest),
  column('amount', 'numeric', numerics, (r: Refund) => formatNanos(r.amount)),
  column('currency', 'text', texts, (r: Refund) => r.currency),
  column('account_id', 'text', texts, (r: Refund) => r.accountId),
  column('operator_id', 'text', texts, (r: Refund) => r.operatorId),
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

export const DEAD_LETTER_COLUMNS: readonly BatchColumn<Letter>[] = [
  column('sequence', 'bigint', integers, (d: Letter) => d.sequence),
  column('published_at', 'timestamptz', instants, (d: Letter) => d.publishedAt),
  column('subject', 'text', texts, (d: Letter) => d.subject),
  column('reason', 'text', texts, (d: Letter) => d.reason),
  column('field', 'text', texts, (d: Letter) => d.field),
  column('event_id', 'text', texts, (d: Letter) => d.eventId),
  column('message_id', 'uuid', uuids, (d: Letter) => d.messageId),
  column('payload_digest', 'bigint', bigints, (d: Letter) => d.digest),
];

/** `unnest($from::type[], …)`, aliased with the columns' names. */
export function unnestSql<Row>(
  columns: readonly BatchColumn<Row>[],
  alias: string,
  from: number,
): string {
  const arrays = columns.map(({ type }, index) => `$${from + index}::${type}[]`);
  return `unnest(${arrays.join(', ')}) AS ${alias} (${columns.map(({ name }) => name).join(', ')})`;
}

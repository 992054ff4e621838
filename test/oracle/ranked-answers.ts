// The oracle's answers to the two questions whose rows are ranked and paged: operators, and the
// breakdown by dimensions. All rows are made and sorted, then the page is cut out; what is left
// over is `other`.

import {
  type BreakdownRow,
  Dimension,
  type GetDeliveryBreakdownRequest,
  type GetDeliveryBreakdownResponse,
  type GetOperatorPerformanceRequest,
  type GetOperatorPerformanceResponse,
  type OperatorRow,
  type ReasonCount,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  ErrorClass,
  type Filter,
  Outcome,
} from '../../src/generated/proto/sms/analytics/v1/common.js';
import {
  bucketOf,
  comparisonOf,
  metaOf,
  periodOf,
  type Standing,
  seriesOf,
  viewOf,
} from './answers.js';
import { type Span, spanOf } from './calendar.js';
import {
  acceptedIn,
  answered,
  countsOf,
  microsOf,
  rateOf,
  ratesOf,
  segmentsOf,
} from './figures.js';
import { errorClassOf, type Ledger, type Message } from './ledger.js';

/** Which page of the ranked rows. */
export interface Page {
  /** Rows on the pages before. */
  readonly offset: number;
  readonly size: number;
}

const CLASSES: Record<string, ErrorClass> = {
  '': ErrorClass.ERROR_CLASS_NONE,
  P: ErrorClass.ERROR_CLASS_PERMANENT,
  T: ErrorClass.ERROR_CLASS_TEMPORARY,
  U: ErrorClass.ERROR_CLASS_UNKNOWN,
};

const classOf = (reason: string): ErrorClass =>
  CLASSES[errorClassOf(reason)] ?? ErrorClass.ERROR_CLASS_NONE;
const outcomeOf = (name: string): Outcome => Outcome[`OUTCOME_${name}` as keyof typeof Outcome];

type Sortable = string | number | bigint | undefined;

/** Sorts by the order_by text; absent values last, ties by the tie breakers. */
function ranked<T>(
  rows: readonly T[],
  orderBy: string,
  value: (row: T, field: string) => Sortable,
  ties: readonly string[],
): T[] {
  const keys = [
    ...orderBy.split(',').map((part) => {
      const [field = '', direction] = part.trim().split(/\s+/);
      return { field, descending: direction === 'desc' };
    }),
    ...ties.map((field) => ({ field, descending: false })),
  ];
  return [...rows].sort((one, other) => {
    for (const { field, descending } of keys) {
      const [left, right] = [value(one, field), value(other, field)];
      if (left === right) continue;
      if (left === undefined) return 1;
      if (right === undefined) return -1;
      return left < right === descending ? 1 : -1;
    }
    return 0;
  });
}

export function operatorPerformance(
  ledger: Ledger,
  question: GetOperatorPerformanceRequest,
  standing: Standing,
  page: Page,
): GetOperatorPerformanceResponse {
  const span = spanOf(question.range, question.timeZone, 15);
  const messages = acceptedIn(answered(ledger.messages, standing.settledThrough), span);
  const all = BigInt(messages.length);
  // Money is of the operator that charged, or gave back, which need not be the one that reported.
  const known = new Set(
    [
      ...messages,
      ...ledger.charges.filter(({ chargedAt }) => isIn(chargedAt, span)),
      ...ledger.refunds.filter(({ refundedAt }) => isIn(refundedAt, span)),
    ].map(({ operatorId }) => operatorId),
  );
  // One operator that was asked for is shown even where it has nothing; all the others are `other`.
  const asked = question.operatorId === '' ? [...known] : [question.operatorId];
  const rows = asked.map((operatorId) => operatorRow(ledger, question, standing, operatorId, all));
  const sorted = ranked(rows, question.orderBy || 'accepted desc', operatorField, ['operator_id']);
  const shown = sorted.slice(page.offset, page.offset + page.size);
  const shownIds = new Set(shown.map(({ operatorId }) => operatorId));
  const rest = messages.filter(({ operatorId }) => !shownIds.has(operatorId));
  const hidden = [...known].filter((operatorId) => !shownIds.has(operatorId)).length;
  const others = viewOf(ledger, standing, ({ operatorId }) => !shownIds.has(operatorId));
  const other = periodOf(others, span);
  const counts = countsOf(messages);
  const share = rateOf(BigInt(rest.length), all);
  return {
    meta: metaOf(standing, span, question.timeZone),
    rows: shown,
    other:
      hidden === 0
        ? undefined
        : { operators: hidden, counts: other.counts, share, money: [...other.money] },
    counts,
    rates: ratesOf(counts),
    money: [...periodOf(viewOf(ledger, standing), span).money],
    nextPageToken: page.offset + page.size < sorted.length ? 'more' : '',
    totalSize: known.size,
  };
}

const isIn = (at: number, span: Span) => at >= span.start && at < span.end;

function operatorRow(
  ledger: Ledger,
  question: GetOperatorPerformanceRequest,
  standing: Standing,
  operatorId: string,
  everything: bigint,
): OperatorRow {
  const span = spanOf(question.range, question.timeZone, 15);
  const view = viewOf(ledger, standing, (one) => one.operatorId === operatorId);
  const period = periodOf(view, span);
  const comparison = comparisonOf(view, question, span, standing);
  return {
    operatorId,
    ...period,
    money: [...period.money],
    topFailureReasons: topReasons(acceptedIn(view.messages, span)),
    share: rateOf(period.counts.accepted, everything),
    series: seriesOf(question, span).map((piece) => {
      const { counts, rates, latency } = periodOf(view, piece);
      return { bucket: bucketOf(piece, standing), counts, rates, latency };
    }),
    comparison,
  };
}

function topReasons(messages: readonly Message[]): ReasonCount[] {
  const failed = messages.filter(({ reason }) => reason !== '');
  const reasons = [...new Set(failed.map(({ reason }) => reason))];
  const counts = reasons.map((reason) => ({
    reason,
    errorClass: classOf(reason),
    messages: BigInt(failed.filter((message) => message.reason === reason).length),
  }));
  counts.sort(
    (one, other) => Number(other.messages - one.messages) || (one.reason < other.reason ? -1 : 1),
  );
  return counts.slice(0, 5).map((row) => ({
    ...row,
    share: rateOf(row.messages, BigInt(failed.length)),
  }));
}

function operatorField(row: OperatorRow, field: string): Sortable {
  const camel = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (field === 'operator_id') return row.operatorId;
  if (field === 'share') return row.share?.value;
  const [, percentile] = /^latency_(p50|p90|p95|p99)$/.exec(field) ?? [];
  if (percentile) return row.latency && microsOf(row.latency[percentile as 'p50']);
  const counts = row.counts as unknown as Record<string, bigint>;
  if (camel in counts) return counts[camel];
  const rates = row.rates as unknown as Record<string, { value: number } | undefined>;
  return rates[camel]?.value;
}

/** The names of the dimensions in order_by. */
const DIMENSIONS: Record<number, { name: string; field: keyof BreakdownRow }> = {
  [Dimension.DIMENSION_OUTCOME]: { name: 'outcome', field: 'outcome' },
  [Dimension.DIMENSION_REASON]: { name: 'reason', field: 'reason' },
  [Dimension.DIMENSION_ERROR_CLASS]: { name: 'error_class', field: 'errorClass' },
  [Dimension.DIMENSION_OPERATOR]: { name: 'operator_id', field: 'operatorId' },
  [Dimension.DIMENSION_ACCOUNT]: { name: 'account_id', field: 'accountId' },
};

export function deliveryBreakdown(
  ledger: Ledger,
  question: GetDeliveryBreakdownRequest,
  standing: Standing,
  page: Page,
): GetDeliveryBreakdownResponse {
  const span = spanOf(question.range, question.timeZone, 15);
  const messages = acceptedIn(answered(ledger.messages, standing.settledThrough), span).filter(
    (message) => matches(message, question.filter),
  );
  const asked = question.groupBy.length > 0 ? question.groupBy : [Dimension.DIMENSION_OUTCOME];
  const groups = new Map<string, Message[]>();
  for (const message of messages) {
    const key = asked.map((dimension) => dimensionValue(message, dimension)).join(' ');
    groups.set(key, [...(groups.get(key) ?? []), message]);
  }
  const rows = [...groups.values()].map((group) => breakdownRow(group, asked, messages.length));
  const names = asked.map((dimension) => DIMENSIONS[dimension]?.name ?? '');
  const sorted = ranked(rows, question.orderBy || 'messages desc', breakdownField, names);
  const shown = sorted.slice(page.offset, page.offset + page.size);
  const rest = sorted.filter((row) => !shown.includes(row));
  const sum = (of: (row: BreakdownRow) => bigint) => rest.reduce((all, row) => all + of(row), 0n);
  return {
    meta: metaOf(standing, span, question.timeZone),
    rows: shown,
    other:
      rest.length === 0
        ? undefined
        : {
            rows: rest.length,
            messages: sum((row) => row.messages),
            segments: sum((row) => row.segments),
            share: rateOf(
              sum((row) => row.messages),
              BigInt(messages.length),
            ),
          },
    messages: BigInt(messages.length),
    segments: segmentsOf(messages),
    nextPageToken: page.offset + page.size < sorted.length ? 'more' : '',
    totalSize: sorted.length,
  };
}

function breakdownRow(group: Message[], asked: readonly Dimension[], all: number): BreakdownRow {
  const [first] = group;
  if (first === undefined) throw new Error('a group without messages');
  const values = Object.fromEntries(
    asked.map((dimension) => [DIMENSIONS[dimension]?.field, dimensionValue(first, dimension)]),
  );
  return {
    ...values,
    messages: BigInt(group.length),
    segments: segmentsOf(group),
    share: rateOf(BigInt(group.length), BigInt(all)),
  };
}

function dimensionValue(message: Message, dimension: Dimension): string | number {
  switch (dimension) {
    case Dimension.DIMENSION_OUTCOME:
      return outcomeOf(message.outcome);
    case Dimension.DIMENSION_REASON:
      return message.reason;
    case Dimension.DIMENSION_ERROR_CLASS:
      return classOf(message.reason);
    case Dimension.DIMENSION_OPERATOR:
      return message.operatorId;
    default:
      return message.accountId;
  }
}

function breakdownField(row: BreakdownRow, field: string): Sortable {
  if (field === 'share') return row.share?.value;
  if (field === 'messages' || field === 'segments') return row[field];
  // Outcomes are ordered by their names, as people read them.
  if (field === 'outcome') return row.outcome && Outcome[row.outcome];
  const dimension = Object.values(DIMENSIONS).find(({ name }) => name === field);
  return dimension && (row[dimension.field] as Sortable);
}

function matches(message: Message, filter: Filter | undefined): boolean {
  const allows = <T>(allowed: readonly T[] | undefined, value: T) =>
    allowed === undefined || allowed.length === 0 || allowed.includes(value);
  return (
    allows(filter?.accountIds, message.accountId) &&
    allows(filter?.operatorIds, message.operatorId) &&
    allows(filter?.outcomes, outcomeOf(message.outcome)) &&
    allows(filter?.reasons, message.reason) &&
    allows(filter?.errorClasses, classOf(message.reason))
  );
}

// The oracle's answers to the five questions: the whole response, computed by brute force over all
// messages (contract, section 4). `data_as_of` and the revision are the service's to say;
// everything else is checked.

import type {
  GetAccountUsageRequest,
  GetAccountUsageResponse,
  GetSummaryRequest,
  GetSummaryResponse,
  GetThroughputRequest,
  GetThroughputResponse,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  type Bucket,
  BucketState,
  type Comparison,
  type Meta,
  type WeekStart,
} from '../../src/generated/proto/sms/analytics/v1/common.js';
import { bucketsOf, earlierSpan, type Span, spanOf } from './calendar.js';
import {
  acceptedIn,
  answered,
  changesOf,
  countsOf,
  flowOf,
  latencyOf,
  microsOf,
  moneyOf,
  type Period,
  ratesOf,
  timestamp,
} from './figures.js';
import type { Ledger } from './ledger.js';

const QUARTER = 900_000_000;
const SETTLING = 72 * 3_600_000_000;

/** What the service says about itself, and what must follow from it. */
export interface Standing {
  /** The answer's own data_as_of, in microseconds. */
  readonly dataAsOf: number;
  readonly settledThrough: number;
  readonly revision: string;
  /** The first instant that is kept, where the test knows it: an earlier comparison is absent. */
  readonly retainedFrom?: number;
}

/** Takes data_as_of and revision from an answer; the rest is computed. */
export function standingOf(meta: Meta | undefined): Standing {
  const dataAsOf = microsOf(meta?.dataAsOf);
  return {
    dataAsOf,
    settledThrough: Math.floor((dataAsOf - SETTLING) / QUARTER) * QUARTER,
    revision: meta?.revision ?? '',
  };
}

export function metaOf(standing: Standing, span: Span, timeZone: string): Meta {
  return {
    dataAsOf: timestamp(standing.dataAsOf),
    settledThrough: timestamp(standing.settledThrough),
    effectiveRange: effectiveRange(span, timeZone),
    revision: standing.revision,
  };
}

function effectiveRange(span: Span, timeZone: string) {
  return {
    start: timestamp(span.start),
    end: timestamp(span.end),
    timeZone: timeZone || 'UTC',
  };
}

/** A bucket of a series, with its state. */
export function bucketOf(span: Span, { dataAsOf, settledThrough }: Standing): Bucket {
  const state =
    span.end > dataAsOf
      ? BucketState.BUCKET_STATE_OPEN
      : span.end <= settledThrough
        ? BucketState.BUCKET_STATE_SETTLED
        : BucketState.BUCKET_STATE_PROVISIONAL;
  return { start: timestamp(span.start), end: timestamp(span.end), state };
}

/** The part of the ledger that a question is about: those of everything that this says yes to. */
export type Scope = (one: { readonly accountId: string; readonly operatorId: string }) => boolean;

/** The ledger as it is answered now: settled, and only what is asked about. */
export function viewOf(ledger: Ledger, standing: Standing, scope: Scope = () => true): Ledger {
  return {
    ...ledger,
    messages: answered(ledger.messages.filter(scope), standing.settledThrough),
    charges: ledger.charges.filter(scope),
    refunds: ledger.refunds.filter(scope),
  };
}

/** What the questions about periods have in common. */
export interface PeriodQuestion {
  readonly range?: { start: string; end: string } | undefined;
  readonly timeZone: string;
  readonly granularity: number;
  readonly weekStart: WeekStart;
  readonly compare: number;
  readonly compareElapsed: boolean;
}

/** Counts, rates, latency and money of a span. */
export function periodOf(view: Ledger, span: Span): Period {
  const messages = acceptedIn(view.messages, span);
  const counts = countsOf(messages);
  return {
    counts,
    rates: ratesOf(counts),
    latency: latencyOf(messages),
    money: moneyOf(view, span, counts.delivered),
  };
}

/** The comparison that was asked for, if any. */
export function comparisonOf(
  view: Ledger,
  question: PeriodQuestion,
  span: Span,
  standing: Standing,
): Comparison | undefined {
  if (question.compare === 0) return undefined;
  let now = span;
  let then = earlierSpan(span, question.compare, question.timeZone);
  if (then.start < (standing.retainedFrom ?? Number.NEGATIVE_INFINITY)) return undefined;
  if (question.compareElapsed && standing.dataAsOf < span.end) {
    const cut = Math.max(span.start, Math.floor(standing.dataAsOf / QUARTER) * QUARTER);
    const elapsed = cut - span.start;
    now = { start: span.start, end: cut };
    then = { start: then.start, end: Math.min(then.end, then.start + elapsed) };
  }
  const before = periodOf(view, then);
  return {
    effectiveRange: effectiveRange(then, question.timeZone),
    counts: before.counts,
    rates: before.rates,
    latency: before.latency,
    money: [...before.money],
    changes: changesOf(periodOf(view, now), before),
    currentEnd: timestamp(now.end),
  };
}

/** The buckets of a question about periods. */
export function seriesOf(question: PeriodQuestion, span: Span): Span[] {
  return bucketsOf(span, question.granularity, question.timeZone, question.weekStart);
}

export function summary(
  ledger: Ledger,
  question: GetSummaryRequest,
  standing: Standing,
): GetSummaryResponse {
  const span = spanOf(question.range, question.timeZone, 15);
  const view = viewOf(ledger, standing);
  const messages = acceptedIn(view.messages, span);
  const total = periodOf(view, span);
  return {
    meta: metaOf(standing, span, question.timeZone),
    ...total,
    money: [...total.money],
    activeAccounts: BigInt(new Set(messages.map(({ accountId }) => accountId)).size),
    activeOperators: BigInt(new Set(messages.map(({ operatorId }) => operatorId)).size),
    series: seriesOf(question, span).map((piece) => {
      const period = periodOf(view, piece);
      return { bucket: bucketOf(piece, standing), ...period, money: [...period.money] };
    }),
    comparison: comparisonOf(view, question, span, standing),
  };
}

export function accountUsage(
  ledger: Ledger,
  question: GetAccountUsageRequest,
  standing: Standing,
): GetAccountUsageResponse {
  const { accountId } = question;
  const view = viewOf(ledger, standing, (one) => one.accountId === accountId);
  const span = spanOf(question.range, question.timeZone, 15);
  const { counts, rates, money } = periodOf(view, span);
  const comparison = comparisonOf(view, question, span, standing);
  return {
    meta: metaOf(standing, span, question.timeZone),
    accountId,
    counts,
    rates,
    money: [...money],
    series: seriesOf(question, span).map((piece) => {
      const { counts, rates, money } = periodOf(view, piece);
      return { bucket: bucketOf(piece, standing), counts, rates, money: [...money] };
    }),
    comparison: comparison && withoutLatency(comparison),
  };
}

/** Accounts have no latency of their own. */
function withoutLatency(comparison: Comparison): Comparison {
  const changes = comparison.changes && { ...comparison.changes, latencyP50Percent: undefined };
  return { ...comparison, latency: undefined, changes };
}

export function throughput(
  ledger: Ledger,
  question: GetThroughputRequest,
  standing: Standing,
): GetThroughputResponse {
  const operators = question.filter?.operatorIds ?? [];
  const messages = ledger.messages.filter(
    ({ operatorId }) => operators.length === 0 || operators.includes(operatorId),
  );
  const accepted = messages.map(({ acceptedAt }) => acceptedAt);
  const completed = messages.flatMap(({ completedAt }) => completedAt ?? []);
  const flows = (span: Span) => ({
    accepted: flowOf(accepted, span, standing.dataAsOf),
    completed: flowOf(completed, span, standing.dataAsOf),
  });
  const span = spanOf(question.range, question.timeZone, 1);
  const { granularity, timeZone, weekStart } = question;
  return {
    meta: metaOf(standing, span, question.timeZone),
    total: flows(span),
    series: bucketsOf(span, granularity, timeZone, weekStart, 1).map((piece) => ({
      bucket: bucketOf(piece, standing),
      throughput: flows(piece),
    })),
  };
}

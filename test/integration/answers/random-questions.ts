// Random questions of all five kinds about a random ledger: ranges at and across the instants that
// its messages lie around, in zones whose days begin at odd times or change their clocks there.
import fc from 'fast-check';
import {
  Dimension,
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
  GetOperatorPerformanceRequest,
  GetSummaryRequest,
  GetThroughputRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { ACCOUNTS, DAY, iso, OPERATORS, type Season } from './random-ledger.js';

/** A question with the name of its rpc. */
export type Question =
  | { readonly rpc: 'getSummary'; readonly asked: GetSummaryRequest }
  | { readonly rpc: 'getOperatorPerformance'; readonly asked: GetOperatorPerformanceRequest }
  | { readonly rpc: 'getAccountUsage'; readonly asked: GetAccountUsageRequest }
  | { readonly rpc: 'getThroughput'; readonly asked: GetThroughputRequest }
  | { readonly rpc: 'getDeliveryBreakdown'; readonly asked: GetDeliveryBreakdownRequest };

const ZONES = ['Asia/Kabul', 'Asia/Kathmandu', 'America/New_York', 'Europe/London'];
const zone = fc.constantFrom(...ZONES, 'Australia/Lord_Howe', 'UTC', '');

/** Longest range of each granularity, in days (contract, section 4). */
const LONGEST: Partial<Record<Granularity, number>> = {
  [Granularity.GRANULARITY_UNSPECIFIED]: 400,
  [Granularity.GRANULARITY_TOTAL]: 400,
  [Granularity.GRANULARITY_MINUTE]: 1,
  [Granularity.GRANULARITY_QUARTER_HOUR]: 7,
  [Granularity.GRANULARITY_HOUR]: 31,
  [Granularity.GRANULARITY_DAY]: 400,
  [Granularity.GRANULARITY_WEEK]: 400,
  [Granularity.GRANULARITY_MONTH]: 400,
};
const CUTS = Object.keys(LONGEST)
  .map(Number)
  .filter((granularity) => granularity !== Granularity.GRANULARITY_MINUTE)
  .concat(Granularity.GRANULARITY_DAY, Granularity.GRANULARITY_WEEK);

/** Some of `values`, often none. */
const some = <T>(values: readonly T[]) =>
  fc.oneof(fc.subarray([...values], { maxLength: 0 }), fc.subarray([...values], { minLength: 1 }));

/**
 * `[start, end)` of at most `longest` days, as dates or as instants with some offset; nothing
 * before `oldest`.
 */
function rangesOf(season: Season, longest: number, oldest: number) {
  const anchor = fc.constantFrom(...season.anchors).map((text) => Date.parse(text) * 1000);
  const shift = fc.constantFrom(0, 0, 0, -7 * DAY, -365 * DAY);
  const dates = fc
    .tuple(anchor, shift, lengths(longest), fc.nat(1000))
    .map(([at, by, days, where]) => {
      const start = at + by - (where % (days + 1)) * DAY;
      return { from: start, start: iso(start).slice(0, 10), end: iso(start + days * DAY) };
    })
    .map((range) => ({ ...range, end: range.end.slice(0, 10) }));
  const grain = DAY / 96;
  const instants = fc
    .record({
      anchor,
      shift,
      minutes: lengths(longest * 1440),
      before: fc.nat(5000),
      rest: fc.constantFrom(0, 0, 1, 7 * 60_000_000, -1),
      offset: fc.constantFrom('Z', '+05:45', '-03:30'),
    })
    .map(({ anchor, shift, minutes, before, rest, offset }) => {
      const length = minutes * 60_000_000;
      const start = anchor + shift - (before % (Math.ceil(length / grain) + 1)) * grain + rest;
      const text = (at: number) => atOffset(at, offset);
      return { from: start, start: text(start), end: text(start + length) };
    });
  const kinds = longest > 1 ? [dates, instants] : [instants];
  return fc
    .oneof(...kinds)
    .filter(({ from }) => from > oldest + 2 * DAY)
    .map(({ start, end }) => ({ start, end }));
}

/** From 1 on, mostly short. */
const lengths = (longest: number) =>
  fc.oneof(
    fc.integer({ min: 1, max: Math.min(longest, 3) }),
    fc.integer({ min: 1, max: Math.min(longest, 100) }),
    fc.integer({ min: 1, max: Math.min(longest, 9000) }),
    fc.integer({ min: Math.ceil(longest / 2), max: longest }),
  );

function atOffset(at: number, offset: string): string {
  if (offset === 'Z') return iso(at);
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4));
  const east = (offset.startsWith('-') ? -minutes : minutes) * 60_000_000;
  return iso(at + east).replace('Z', offset);
}

/**
 * Range, zone, granularity and comparison; of questions with minutes, not so many days that the
 * oracle is slow.
 */
function periodsOf(season: Season, oldest: number, cuts: readonly number[], most = 400) {
  return fc
    .tuple(fc.constantFrom(...cuts), fc.nat(3), fc.nat(3), fc.boolean(), zone)
    .chain(([granularity, weekStart, compare, compareElapsed, timeZone]) => {
      const longest = Math.min(LONGEST[granularity as Granularity] ?? 1, most);
      const range = rangesOf(season, longest, oldest);
      return range.map((range) => ({
        ...{ range, timeZone, granularity, weekStart, compare, compareElapsed },
      }));
    });
}

const COUNTS = ['accepted', 'pending', 'delivered', 'undeliverable', 'expired', 'rejected'];
const LATENCY_ORDERS = ['latency_p50', 'latency_p90', 'latency_p95', 'latency_p99'];
const OPERATOR_ORDERS = [
  ...['operator_id', ...COUNTS, 'deleted', 'unknown', 'contradicted', 'segments', 'share'],
  ...['delivery_rate', 'settled_delivery_rate', 'failure_rate', 'receipt_coverage'],
  ...LATENCY_ORDERS,
];
const DIMENSIONS: readonly [Dimension, string][] = [
  [Dimension.DIMENSION_OUTCOME, 'outcome'],
  [Dimension.DIMENSION_REASON, 'reason'],
  [Dimension.DIMENSION_ERROR_CLASS, 'error_class'],
  [Dimension.DIMENSION_OPERATOR, 'operator_id'],
  [Dimension.DIMENSION_ACCOUNT, 'account_id'],
];
const REASONS = ['NO_RECEIPT', 'ABSENT_SUBSCRIBER', 'UNKNOWN_SUBSCRIBER', 'UNMAPPED'].concat([
  'NO_CODE',
  'VALIDITY_EXPIRED',
  'DELETED_BY_OPERATOR',
  'REJECTED_BY_OPERATOR',
]);

/** Up to three of `fields`, each up or down. */
const orders = (fields: readonly string[]) =>
  fc
    .tuple(
      fc.shuffledSubarray([...fields], { maxLength: 3 }),
      fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    )
    .map(([keys, down]) => keys.map((key, i) => (down[i] ? `${key} desc` : key)).join(','));

const filters = fc.oneof(
  fc.constant(undefined),
  fc.record({
    accountIds: some(ACCOUNTS),
    operatorIds: some([...OPERATORS, 'nobody']),
    outcomes: some([1, 2, 3, 4, 5, 6, 7]),
    reasons: some(REASONS),
    errorClasses: some([1, 2, 3, 4]),
  }),
);
const pageSize = fc.constantFrom(0, 1, 2, 3, 1000);

/** Any question about a ledger of `season`, of which everything before `oldest` is refused. */
export function questionsOf(season: Season, oldest: number): fc.Arbitrary<Question> {
  const periods = periodsOf(season, oldest, CUTS);
  const summary = periods.map((asked) => ({
    ...{ rpc: 'getSummary' as const, asked: GetSummaryRequest.fromPartial(asked) },
  }));
  const operatorId = fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom(...OPERATORS, 'nobody') },
  );
  const orderBy = fc.oneof(orders(OPERATOR_ORDERS), orders(LATENCY_ORDERS));
  const operators = fc
    .record({ period: periods, operatorId, orderBy, pageSize })
    .map(({ period, ...more }) => ({
      rpc: 'getOperatorPerformance' as const,
      asked: GetOperatorPerformanceRequest.fromPartial({ ...period, ...more }),
    }));
  const account = fc
    .record({ period: periods, accountId: fc.constantFrom(...ACCOUNTS, 'nobody') })
    .map(({ period, accountId }) => ({
      rpc: 'getAccountUsage' as const,
      asked: GetAccountUsageRequest.fromPartial({ ...period, accountId }),
    }));
  const minutes = [...CUTS, Granularity.GRANULARITY_MINUTE, Granularity.GRANULARITY_MINUTE];
  const throughput = fc
    .record({
      period: periodsOf(season, oldest, minutes, 20),
      operatorIds: some([...OPERATORS, 'nobody']),
    })
    .map(({ period: { compare, compareElapsed, ...period }, operatorIds }) => ({
      rpc: 'getThroughput' as const,
      asked: GetThroughputRequest.fromPartial({ ...period, filter: { operatorIds } }),
    }));
  const breakdown = fc
    .shuffledSubarray([...DIMENSIONS], { maxLength: 3 })
    .chain((dimensions) => {
      const names = dimensions.length > 0 ? dimensions.map(([, name]) => name) : ['outcome'];
      const orderBy = orders(['messages', 'segments', 'share', ...names]);
      const groupBy = fc.constant(dimensions.map(([dimension]) => dimension));
      return fc.record({ period: periods, filter: filters, groupBy, orderBy, pageSize });
    })
    .map(({ period: { range, timeZone }, ...more }) => ({
      rpc: 'getDeliveryBreakdown' as const,
      asked: GetDeliveryBreakdownRequest.fromPartial({ range, timeZone, ...more }),
    }));
  return fc.oneof<fc.Arbitrary<Question>[]>(summary, operators, account, throughput, breakdown);
}

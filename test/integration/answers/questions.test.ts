// The five questions over rollup rows that were written, and answers that were worked out, by hand.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binOf, valueMicrosOf } from '../../../src/domain/measures/latency.js';
import {
  Dimension,
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
  GetOperatorPerformanceRequest,
  GetSummaryRequest,
  GetThroughputRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  BucketState,
  Compare,
  ErrorClass,
  Granularity,
  Outcome,
} from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { caller, isoOf, queriesAt, RollupWriter, type TestQueries } from './rollup-rows.js';

let writer: RollupWriter;
let queries: TestQueries;

const ONE_SECOND = binOf(1_000_000);
const TEN_SECONDS = binOf(10_000_000);

// data_as_of is noon of 10 March, so cells that end by noon of 7 March are settled.
beforeAll(async () => {
  writer = await RollupWriter.open();
  const one = { account: 'acc-1', operator: '41220' };
  await writer.outcomes([
    // 10 March, 10:00 to 11:00 UTC: 84 messages
    {
      ...one,
      at: '2026-03-10T10:00Z',
      outcome: 'DELIVERED',
      messages: 60,
      segments: 70,
      contradicted: 2,
    },
    {
      ...one,
      at: '2026-03-10T10:00Z',
      outcome: 'UNDELIVERABLE',
      reason: 'ABSENT_SUBSCRIBER',
      messages: 8,
      segments: 8,
    },
    { ...one, at: '2026-03-10T10:00Z', outcome: 'PENDING', messages: 10, segments: 10 },
    {
      at: '2026-03-10T10:15Z',
      account: 'acc-2',
      operator: '41220',
      outcome: 'EXPIRED',
      reason: 'VALIDITY_EXPIRED',
      messages: 4,
    },
    {
      at: '2026-03-10T10:15Z',
      account: 'acc-2',
      operator: '41220',
      outcome: 'REJECTED',
      reason: 'REJECTED_BY_OPERATOR',
      messages: 2,
    },
    // 10 March, 11:45 UTC: 16 messages of another operator
    {
      at: '2026-03-10T11:45Z',
      account: 'acc-1',
      operator: '26201',
      outcome: 'DELIVERED',
      messages: 15,
      segments: 15,
    },
    {
      at: '2026-03-10T11:45Z',
      account: 'acc-1',
      operator: '26201',
      outcome: 'DELETED',
      reason: 'DELETED_BY_OPERATOR',
      messages: 1,
    },
    // 9 March: 50 before noon, 50 after it
    { ...one, at: '2026-03-09T10:00Z', outcome: 'DELIVERED', messages: 40, segments: 40 },
    { ...one, at: '2026-03-09T10:00Z', outcome: 'PENDING', messages: 10 },
    { ...one, at: '2026-03-09T20:00Z', outcome: 'DELIVERED', messages: 50, segments: 50 },
    // 7 March: the first cell is settled, the second is not
    { ...one, at: '2026-03-07T11:45Z', outcome: 'PENDING', messages: 5 },
    { ...one, at: '2026-03-07T11:45Z', outcome: 'DELIVERED', messages: 5 },
    { ...one, at: '2026-03-07T12:00Z', outcome: 'PENDING', messages: 3 },
    // a message that moved away leaves a zero row, which is nobody's activity
    {
      at: '2026-03-10T09:00Z',
      account: 'acc-9',
      operator: '99999',
      outcome: 'PENDING',
      messages: 0,
    },
  ]);
  await writer.latency([
    { at: '2026-03-10T10:00Z', operator: '41220', bin: ONE_SECOND, messages: 60 },
    { at: '2026-03-10T11:45Z', operator: '26201', bin: TEN_SECONDS, messages: 15 },
    { at: '2026-03-09T10:00Z', operator: '41220', bin: TEN_SECONDS, messages: 40 },
    { at: '2026-03-09T20:00Z', operator: '41220', bin: ONE_SECOND, messages: 50 },
  ]);
  await writer.money([
    { ...one, at: '2026-03-10T10:00Z', currency: 'USD', charges: 78, charged: '7.8' },
    { ...one, at: '2026-03-10T10:15Z', currency: 'EUR', charges: 6, charged: '0.3' },
    {
      ...one,
      at: '2026-03-10T11:00Z',
      currency: 'USD',
      charges: 0,
      charged: '0',
      refunds: 2,
      refunded: '0.2',
    },
    {
      at: '2026-03-10T11:45Z',
      account: 'acc-2',
      operator: '26201',
      currency: 'USD',
      charges: 16,
      charged: '0.000000016',
    },
    { ...one, at: '2026-03-09T10:00Z', currency: 'USD', charges: 50, charged: '5' },
  ]);
  await writer.throughput([
    { at: '2026-03-10T10:00Z', operator: '41220', accepted: 30, completed: 0 },
    { at: '2026-03-10T10:01Z', operator: '41220', accepted: 20, completed: 12 },
    { at: '2026-03-10T10:01Z', operator: '26201', accepted: 10, completed: 0 },
    { at: '2026-03-10T10:02Z', operator: '26201', accepted: 6, completed: 6 },
  ]);
  await writer.freshness('2026-03-10T12:00:00Z', 7);
  queries = queriesAt(writer.database, '2026-03-10T12:00:01Z');
});

afterAll(async () => {
  await queries?.end();
  await writer?.close();
});

const range = (start: string, end: string) => ({ range: { start, end } });
const TEN_MARCH = range('2026-03-10', '2026-03-11');

describe('GetSummary', () => {
  it('adds up a day', async () => {
    const answer = await queries.getSummary(GetSummaryRequest.fromPartial(TEN_MARCH), caller());
    expect(answer.counts).toEqual({
      accepted: 100n,
      pending: 10n,
      delivered: 75n,
      undeliverable: 8n,
      expired: 4n,
      rejected: 2n,
      deleted: 1n,
      unknown: 0n,
      contradicted: 2n,
      segments: 103n,
    });
    expect(answer.rates?.deliveryRate).toMatchObject({
      numerator: 75n,
      denominator: 100n,
      value: 0.75,
    });
    expect(answer.rates?.settledDeliveryRate).toMatchObject({ numerator: 75n, denominator: 90n });
    expect(answer.rates?.failureRate).toMatchObject({ numerator: 15n, denominator: 100n });
    expect(answer.rates?.receiptCoverage).toMatchObject({ numerator: 90n, denominator: 100n });
    expect([answer.activeAccounts, answer.activeOperators]).toEqual([2n, 2n]);
    expect(answer.series).toEqual([]);
    expect(answer.comparison).toBeUndefined();
  });

  it('takes percentiles over all operators', async () => {
    const { latency } = await queries.getSummary(
      GetSummaryRequest.fromPartial(TEN_MARCH),
      caller(),
    );
    // 60 messages of one second and 15 of ten: rank 38 is of the first, ranks 68, 72 and 75 are of
    // the second.
    const micros = (duration: { seconds: bigint; nanos: number } | undefined) =>
      Number(duration?.seconds) * 1e6 + Number(duration?.nanos) / 1000;
    expect(latency?.delivered).toBe(75n);
    expect(micros(latency?.p50)).toBeCloseTo(valueMicrosOf(ONE_SECOND), 0);
    expect(micros(latency?.p90)).toBeCloseTo(valueMicrosOf(TEN_SECONDS), 0);
    expect(micros(latency?.p50) / 1e6).toBeGreaterThan(0.95);
    expect(micros(latency?.p99) / 1e7).toBeLessThan(1.05);
  });

  it('keeps currencies apart and money exact', async () => {
    const { money } = await queries.getSummary(GetSummaryRequest.fromPartial(TEN_MARCH), caller());
    // USD: 7.8 + 0.000000016 - 0.2 over 75 delivered = 0.10133333354...
    expect(money).toEqual([
      {
        currency: 'EUR',
        charges: 6n,
        refunds: 0n,
        charged: '0.3',
        refunded: '0',
        net: '0.3',
        netPerDelivered: '0.004',
      },
      {
        currency: 'USD',
        charges: 94n,
        refunds: 2n,
        charged: '7.800000016',
        refunded: '0.2',
        net: '7.600000016',
        netPerDelivered: '0.101333334',
      },
    ]);
  });

  it('cuts a gap-free series that sums to the totals', async () => {
    const request = { ...TEN_MARCH, granularity: Granularity.GRANULARITY_HOUR };
    const answer = await queries.getSummary(GetSummaryRequest.fromPartial(request), caller());
    expect(answer.series).toHaveLength(24);
    const accepted = answer.series.map((point) => Number(point.counts?.accepted));
    expect(accepted.slice(9, 13)).toEqual([0, 84, 16, 0]);
    expect(accepted.reduce((sum, n) => sum + n)).toBe(100);
    const states = answer.series.map((point) => point.bucket?.state);
    expect(states[11]).toBe(BucketState.BUCKET_STATE_PROVISIONAL);
    expect(states[12]).toBe(BucketState.BUCKET_STATE_OPEN);
    expect(answer.series[9]?.rates).toMatchObject({ deliveryRate: undefined });
    expect(answer.series[9]?.latency).toBeUndefined();
    expect(answer.series[11]?.latency?.delivered).toBe(15n);
    expect(answer.series[10]?.money.map((money) => money.currency)).toEqual(['EUR', 'USD']);
  });

  it('counts by the days of Kathmandu', async () => {
    const request = {
      ...range('2026-03-09', '2026-03-11'),
      timeZone: 'Asia/Kathmandu',
      granularity: Granularity.GRANULARITY_DAY,
    };
    const answer = await queries.getSummary(GetSummaryRequest.fromPartial(request), caller());
    // 9 March 20:00 UTC is 10 March 01:45 in Kathmandu.
    expect(answer.series.map((point) => point.counts?.accepted)).toEqual([50n, 150n]);
    expect(isoOf(answer.meta?.effectiveRange?.start)).toBe('2026-03-08T18:15:00Z');
    expect(isoOf(answer.series[1]?.bucket?.start)).toBe('2026-03-09T18:15:00Z');
  });

  it('answers what is pending in a settled cell as unknown, whatever the granularity', async () => {
    for (const granularity of [
      Granularity.GRANULARITY_TOTAL,
      Granularity.GRANULARITY_QUARTER_HOUR,
      Granularity.GRANULARITY_DAY,
    ]) {
      const request = { ...range('2026-03-07', '2026-03-08'), granularity };
      const answer = await queries.getSummary(GetSummaryRequest.fromPartial(request), caller());
      expect(answer.counts).toMatchObject({
        accepted: 13n,
        unknown: 5n,
        pending: 3n,
        delivered: 5n,
      });
    }
  });

  it('says what it is based on', async () => {
    const { meta } = await queries.getSummary(GetSummaryRequest.fromPartial(TEN_MARCH), caller());
    expect(isoOf(meta?.dataAsOf)).toBe('2026-03-10T12:00:00Z');
    expect(isoOf(meta?.settledThrough)).toBe('2026-03-07T12:00:00Z');
    expect(isoOf(meta?.effectiveRange?.end)).toBe('2026-03-11T00:00:00Z');
    expect(meta?.effectiveRange?.timeZone).toBe('UTC');
    expect(meta?.revision).toMatch(/^1\.7\./);
  });

  it('compares with the whole day before', async () => {
    const request = { ...TEN_MARCH, compare: Compare.COMPARE_PREVIOUS_PERIOD };
    const { comparison } = await queries.getSummary(
      GetSummaryRequest.fromPartial(request),
      caller(),
    );
    expect(isoOf(comparison?.effectiveRange?.start)).toBe('2026-03-09T00:00:00Z');
    expect(comparison?.counts).toMatchObject({ accepted: 100n, delivered: 90n, pending: 10n });
    expect(comparison?.changes?.acceptedPercent).toBe(0);
    expect(comparison?.changes?.deliveredPercent).toBeCloseTo(-100 / 6, 10);
    expect(comparison?.changes?.deliveryRatePoints).toBeCloseTo(-15, 10);
    expect(comparison?.changes?.money.map((change) => change.currency)).toEqual(['EUR', 'USD']);
    expect(comparison?.changes?.money[0]).toMatchObject({ chargedPercent: undefined });
    expect(comparison?.changes?.money[1]?.chargedPercent).toBeCloseTo(56.00000032, 8);
  });

  it('compares the elapsed half of a day with half of the day before', async () => {
    const request = {
      ...TEN_MARCH,
      granularity: Granularity.GRANULARITY_DAY,
      compare: Compare.COMPARE_PREVIOUS_PERIOD,
      compareElapsed: true,
    };
    const answer = await queries.getSummary(GetSummaryRequest.fromPartial(request), caller());
    expect(isoOf(answer.comparison?.effectiveRange?.end)).toBe('2026-03-09T12:00:00Z');
    expect(isoOf(answer.comparison?.currentEnd)).toBe('2026-03-10T12:00:00Z');
    expect(answer.comparison?.counts).toMatchObject({ accepted: 50n, delivered: 40n });
    expect(answer.comparison?.changes?.acceptedPercent).toBe(100);
    expect(answer.counts?.accepted).toBe(100n);
    expect(answer.series).toHaveLength(1);
  });

  it('has no comparison with a period that is not retained', async () => {
    // 800 days before 10 March 2026 is 31 December 2023.
    const request = {
      ...range('2024-06-01', '2024-06-02'),
      compare: Compare.COMPARE_PREVIOUS_YEAR,
    };
    const answer = await queries.getSummary(GetSummaryRequest.fromPartial(request), caller());
    expect(answer.comparison).toBeUndefined();
  });
});

describe('GetOperatorPerformance', () => {
  const ask = (request: object) =>
    queries.getOperatorPerformance(GetOperatorPerformanceRequest.fromPartial(request), caller());

  it('ranks operators by accepted messages', async () => {
    const answer = await ask({ ...TEN_MARCH });
    expect(answer.rows.map((row) => [row.operatorId, row.counts?.accepted])).toEqual([
      ['41220', 84n],
      ['26201', 16n],
    ]);
    expect(answer.rows[0]?.share).toMatchObject({ numerator: 84n, denominator: 100n });
    expect(answer.rows[1]?.latency?.delivered).toBe(15n);
    expect(answer.rows[0]?.money.map((money) => [money.currency, money.net])).toEqual([
      ['EUR', '0.3'],
      ['USD', '7.6'],
    ]);
    expect(answer.counts?.accepted).toBe(100n);
    expect([answer.other, answer.nextPageToken, answer.totalSize]).toEqual([undefined, '', 2]);
  });

  it('names the most frequent reasons of failures and UNKNOWN', async () => {
    const answer = await ask({ ...TEN_MARCH, operatorId: '41220' });
    expect(
      answer.rows[0]?.topFailureReasons.map((row) => [row.reason, row.messages, row.errorClass]),
    ).toEqual([
      ['ABSENT_SUBSCRIBER', 8n, ErrorClass.ERROR_CLASS_TEMPORARY],
      ['VALIDITY_EXPIRED', 4n, ErrorClass.ERROR_CLASS_TEMPORARY],
      ['REJECTED_BY_OPERATOR', 2n, ErrorClass.ERROR_CLASS_PERMANENT],
    ]);
    expect(answer.rows[0]?.topFailureReasons[0]?.share).toMatchObject({ denominator: 14n });
    const settled = await ask({ ...range('2026-03-07', '2026-03-08') });
    expect(settled.rows[0]?.topFailureReasons).toMatchObject([
      { reason: 'NO_RECEIPT', messages: 5n },
    ]);
  });

  it('orders by a rate, by latency and by id', async () => {
    const ids = async (orderBy: string) =>
      (await ask({ ...TEN_MARCH, orderBy })).rows.map((row) => row.operatorId);
    expect(await ids('delivery_rate desc')).toEqual(['26201', '41220']);
    expect(await ids('latency_p95')).toEqual(['41220', '26201']);
    expect(await ids('contradicted, operator_id desc')).toEqual(['26201', '41220']);
    expect(await ids(' share  desc ')).toEqual(['41220', '26201']);
  });

  it('pages with an other that completes the totals', async () => {
    const first = await ask({ ...TEN_MARCH, pageSize: 1 });
    expect(first.rows.map((row) => row.operatorId)).toEqual(['41220']);
    expect(first.other).toMatchObject({ operators: 1, counts: { accepted: 16n, delivered: 15n } });
    const second = await ask({ ...TEN_MARCH, pageSize: 1, pageToken: first.nextPageToken });
    expect(second.rows.map((row) => row.operatorId)).toEqual(['26201']);
    expect(second.other).toMatchObject({ operators: 1, counts: { accepted: 84n } });
    expect(second.nextPageToken).toBe('');
  });

  it('answers series and comparison of each operator', async () => {
    const answer = await ask({
      ...TEN_MARCH,
      granularity: Granularity.GRANULARITY_HOUR,
      compare: Compare.COMPARE_PREVIOUS_PERIOD,
    });
    const [first, second] = answer.rows;
    expect(first?.series.map((point) => Number(point.counts?.accepted)).slice(9, 12)).toEqual([
      0, 84, 0,
    ]);
    expect(first?.comparison?.counts?.accepted).toBe(100n);
    expect(first?.comparison?.changes?.acceptedPercent).toBeCloseTo(-16, 10);
    expect(second?.comparison?.counts?.accepted).toBe(0n);
    expect(second?.comparison?.changes?.acceptedPercent).toBeUndefined();
  });

  it('has zeros for an operator without messages', async () => {
    const answer = await ask({ ...TEN_MARCH, operatorId: '00000' });
    expect(answer.rows).toMatchObject([{ operatorId: '00000', counts: { accepted: 0n } }]);
    expect(answer.rows[0]?.rates?.deliveryRate).toBeUndefined();
    expect(answer.other).toMatchObject({ operators: 2, counts: { accepted: 100n } });
  });
});

describe('GetAccountUsage', () => {
  const ask = (accountId: string, request: object = TEN_MARCH) =>
    queries.getAccountUsage(
      GetAccountUsageRequest.fromPartial({ ...request, accountId }),
      caller(accountId),
    );

  it('adds up one account', async () => {
    const answer = await ask('acc-1', { ...TEN_MARCH, granularity: Granularity.GRANULARITY_HOUR });
    expect(answer.counts).toMatchObject({ accepted: 94n, delivered: 75n, segments: 103n });
    expect(answer.money.map((money) => [money.currency, money.net])).toEqual([
      ['EUR', '0.3'],
      ['USD', '7.6'],
    ]);
    expect(answer.series.map((point) => Number(point.counts?.accepted)).slice(10, 12)).toEqual([
      78, 16,
    ]);
    expect(answer.series[11]?.money).toMatchObject([{ currency: 'USD', net: '-0.2' }]);
  });

  it('has zeros for an account that does not exist', async () => {
    const answer = await ask('nobody');
    expect(answer.counts?.accepted).toBe(0n);
    expect(answer.money).toEqual([]);
  });

  it('compares with the day before', async () => {
    const request = { ...TEN_MARCH, compare: Compare.COMPARE_PREVIOUS_PERIOD };
    const { comparison } = await ask('acc-1', request);
    expect(comparison?.counts?.accepted).toBe(100n);
    expect(comparison?.latency).toBeUndefined();
    expect(comparison?.money).toMatchObject([{ currency: 'USD', charged: '5' }]);
  });
});

describe('GetThroughput', () => {
  const ask = (request: object) =>
    queries.getThroughput(GetThroughputRequest.fromPartial(request), caller());

  it('finds the first of the busiest minutes over all operators', async () => {
    const { total } = await ask(TEN_MARCH);
    // Twelve hours have passed; 10:00 and 10:01 both have 30 messages.
    expect(total?.accepted).toMatchObject({ messages: 66n, tpsAvg: 66 / 43_200, tpsPeak: 0.5 });
    expect(isoOf(total?.accepted?.tpsPeakAt)).toBe('2026-03-10T10:00:00Z');
    expect(total?.completed).toMatchObject({ messages: 18n, tpsPeak: 0.2 });
    expect(isoOf(total?.completed?.tpsPeakAt)).toBe('2026-03-10T10:01:00Z');
  });

  it('filters by operator before it seeks the busiest minute', async () => {
    const { total } = await ask({ ...TEN_MARCH, filter: { operatorIds: ['26201'] } });
    expect(total?.accepted).toMatchObject({ messages: 16n, tpsPeak: 10 / 60 });
    expect(isoOf(total?.completed?.tpsPeakAt)).toBe('2026-03-10T10:02:00Z');
  });

  it('cuts minutes, with rates up to data_as_of', async () => {
    const { series } = await ask({
      ...range('2026-03-10T09:59:30Z', '2026-03-10T12:01:00Z'),
      granularity: Granularity.GRANULARITY_MINUTE,
    });
    expect(series).toHaveLength(122);
    expect(series.slice(0, 4).map((point) => point.throughput?.accepted?.messages)).toEqual([
      0n,
      30n,
      30n,
      6n,
    ]);
    expect(series[1]?.throughput?.accepted?.tpsAvg).toBe(0.5);
    expect(series[0]?.throughput?.accepted).toMatchObject({
      tpsAvg: 0,
      tpsPeak: 0,
      tpsPeakAt: undefined,
    });
    expect(series[121]?.throughput?.accepted?.tpsAvg).toBeUndefined();
  });

  it.each([
    { dataAsOf: '2026-03-10T10:00:00.000123Z', hour: undefined, total: 0 },
    { dataAsOf: '2026-03-10T10:00:59Z', hour: undefined, total: 0 },
    { dataAsOf: '2026-03-10T10:01:00Z', hour: 30 / 60, total: 30 / 36_060 },
    { dataAsOf: '2026-03-10T10:02:30Z', hour: 60 / 120, total: 60 / 36_120 },
  ])('has a mean over the whole minutes up to data_as_of, $dataAsOf', async (then) => {
    await writer.freshness(then.dataAsOf, 8);
    const behind = queriesAt(writer.database, '2026-03-10T12:00:01Z');
    try {
      const request = { ...TEN_MARCH, granularity: Granularity.GRANULARITY_HOUR };
      const { total, series } = await behind.getThroughput(
        GetThroughputRequest.fromPartial(request),
        caller(),
      );
      // 10:00 and 10:01 have 30 messages each, 10:02 has 6; all of them are counted, whatever
      // data_as_of is.
      const hour = series[10]?.throughput?.accepted;
      expect(hour).toMatchObject({ messages: 66n, tpsPeak: 0.5 });
      expect(hour?.tpsAvg).toBe(then.hour);
      expect(total?.accepted).toMatchObject({ messages: 66n, tpsAvg: then.total });
      expect(series[11]?.throughput?.accepted?.tpsAvg).toBeUndefined();
    } finally {
      await behind.end();
      await writer.freshness('2026-03-10T12:00:00Z', 7);
    }
  });
});

describe('GetDeliveryBreakdown', () => {
  const ask = (request: object) =>
    queries.getDeliveryBreakdown(GetDeliveryBreakdownRequest.fromPartial(request), caller());

  it('groups by outcome, the most frequent first', async () => {
    const answer = await ask(TEN_MARCH);
    expect(answer.rows.map((row) => [row.outcome, row.messages])).toEqual([
      [Outcome.OUTCOME_DELIVERED, 75n],
      [Outcome.OUTCOME_PENDING, 10n],
      [Outcome.OUTCOME_UNDELIVERABLE, 8n],
      [Outcome.OUTCOME_EXPIRED, 4n],
      [Outcome.OUTCOME_REJECTED, 2n],
      [Outcome.OUTCOME_DELETED, 1n],
    ]);
    expect([answer.messages, answer.segments, answer.totalSize]).toEqual([100n, 103n, 6]);
    expect(answer.rows[0]?.reason).toBeUndefined();
    expect(answer.other).toBeUndefined();
  });

  it('groups by account, operator and class, and orders by each', async () => {
    const answer = await ask({
      ...TEN_MARCH,
      groupBy: [
        Dimension.DIMENSION_ACCOUNT,
        Dimension.DIMENSION_OPERATOR,
        Dimension.DIMENSION_ERROR_CLASS,
      ],
      orderBy: 'account_id desc, messages desc',
    });
    expect(
      answer.rows.map((row) => [row.accountId, row.operatorId, row.errorClass, row.messages]),
    ).toEqual([
      ['acc-2', '41220', ErrorClass.ERROR_CLASS_TEMPORARY, 4n],
      ['acc-2', '41220', ErrorClass.ERROR_CLASS_PERMANENT, 2n],
      ['acc-1', '41220', ErrorClass.ERROR_CLASS_NONE, 70n],
      ['acc-1', '26201', ErrorClass.ERROR_CLASS_NONE, 16n],
      ['acc-1', '41220', ErrorClass.ERROR_CLASS_TEMPORARY, 8n],
    ]);
  });

  it('filters: alternatives inside a field, all fields together', async () => {
    const answer = await ask({
      ...range('2026-03-07', '2026-03-11'),
      filter: {
        outcomes: [Outcome.OUTCOME_UNKNOWN, Outcome.OUTCOME_EXPIRED],
        reasons: ['NO_RECEIPT', 'ABSENT_SUBSCRIBER'],
        accountIds: ['acc-1', 'acc-2'],
      },
      groupBy: [Dimension.DIMENSION_REASON],
    });
    expect(answer.rows).toMatchObject([{ reason: 'NO_RECEIPT', messages: 5n }]);
    expect(answer.messages).toBe(5n);
    // A row's own value is a filter, the empty reason of messages without one as well.
    const byReason = { ...TEN_MARCH, groupBy: [Dimension.DIMENSION_REASON] };
    const all = await ask(byReason);
    const without = all.rows.filter(({ reason }) => reason === '');
    expect(without).toHaveLength(1);
    const filtered = await ask({ ...byReason, filter: { reasons: [''] } });
    expect(filtered.messages).toBe(without[0]?.messages);
    expect(filtered.rows.map(({ reason }) => reason)).toEqual(['']);
    const byAccount = { ...TEN_MARCH, groupBy: [Dimension.DIMENSION_ACCOUNT] };
    const accounts = await ask({ ...byAccount, filter: { reasons: [''] } });
    expect(accounts.messages).toBe(without[0]?.messages);
    const none = await ask({ ...TEN_MARCH, filter: { operatorIds: ['nobody'] } });
    expect([none.rows, none.messages, none.totalSize]).toEqual([[], 0n, 0]);
  });

  it('pages with an other that completes the totals', async () => {
    const seen: bigint[] = [];
    let pageToken = '';
    do {
      const page = await ask({ ...TEN_MARCH, pageSize: 4, pageToken });
      const rows = page.rows.reduce((sum, row) => sum + row.messages, 0n);
      expect(rows + (page.other?.messages ?? 0n)).toBe(100n);
      expect(page.rows.length + (page.other?.rows ?? 0)).toBe(page.totalSize);
      seen.push(...page.rows.map((row) => row.messages));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(seen).toEqual([75n, 10n, 8n, 4n, 2n, 1n]);
  });
});

describe('a bucket that is cut where the elapsed part ends', () => {
  it('is one point of an account, with what lies on both sides', async () => {
    const own = await RollupWriter.open();
    const of = { account: 'acc-cut', operator: '70199', outcome: 'DELIVERED' };
    const paid = { account: 'acc-cut', operator: '70199', currency: 'EUR' };
    await own.outcomes([
      { ...of, at: '2026-03-07T10:00Z', messages: 4 },
      { ...of, at: '2026-03-09T10:00Z', messages: 2 },
      { ...of, at: '2026-03-10T11:45Z', messages: 3 },
      { ...of, at: '2026-03-10T12:00Z', messages: 5 },
      { ...of, at: '2026-03-11T10:00Z', messages: 7 },
    ]);
    await own.money([
      { ...paid, at: '2026-03-10T11:45Z', charges: 3, charged: '0.3' },
      { ...paid, at: '2026-03-10T12:00Z', charges: 5, charged: '0.5' },
    ]);
    await own.freshness('2026-03-10T12:00:00Z', 1);
    const ownQueries = queriesAt(own.database, '2026-03-10T12:00:01Z');
    const asked = {
      ...range('2026-03-09', '2026-03-12'),
      granularity: Granularity.GRANULARITY_DAY,
      compare: Compare.COMPARE_PREVIOUS_PERIOD,
      compareElapsed: true,
    };
    const request = GetAccountUsageRequest.fromPartial({ ...asked, accountId: 'acc-cut' });
    const answer = await ownQueries.getAccountUsage(request, caller('acc-cut'));
    await ownQueries.end();
    await own.close();
    expect(answer.series.map((point) => point.counts?.accepted)).toEqual([2n, 8n, 7n]);
    expect(answer.series.map((point) => point.money.map(({ charged }) => charged))).toEqual([
      [],
      ['0.8'],
      [],
    ]);
    expect(answer.counts?.accepted).toBe(17n);
    expect(isoOf(answer.comparison?.effectiveRange?.end)).toBe('2026-03-07T12:00:00Z');
    expect(answer.comparison?.counts?.accepted).toBe(4n);
    // Five of the elapsed part, three of which lie in the bucket that is cut.
    expect(answer.comparison?.changes?.acceptedPercent).toBe(25);
  });
});

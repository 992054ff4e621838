// Operators with money and without accepted messages: a charge at one whose message another
// reported, a refund at a third. They have rows of zeros, ranked like all others, so that rows and
// `other` add up to the summary's money on every page.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  GetOperatorPerformanceRequest,
  type GetOperatorPerformanceResponse,
  GetSummaryRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  Compare,
  Granularity,
  type Money,
} from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { units } from '../../oracle/figures.js';
import { caller, isoOf, queriesAt, RollupWriter, type TestQueries } from './rollup-rows.js';

let writer: RollupWriter;
let queries: TestQueries;

beforeAll(async () => {
  writer = await RollupWriter.open();
  const account = 'acme';
  // 10 March: TR1 reported both messages; one was charged at TR1, one at TR2, and TR9 gave half a
  // dollar back. TR0 has one of its own. 9 March: TR2 only charged. TR5's charge was displaced by
  // another: sums of nothing are left.
  const at = '2026-03-10T10:00Z';
  await writer.outcomes([
    { at, account, operator: 'TR1', outcome: 'DELIVERED', messages: 2, segments: 2 },
    { at, account, operator: 'TR0', outcome: 'EXPIRED', messages: 1, segments: 1 },
  ]);
  await writer.latency([{ at, operator: 'TR1', bin: 200, messages: 2 }]);
  await writer.money([
    { at, account, operator: 'TR1', currency: 'USD', charges: 1, charged: '2' },
    { at, account, operator: 'TR2', currency: 'USD', charges: 1, charged: '1' },
    { at, account, operator: 'TR2', currency: 'EUR', charges: 1, charged: '0.25' },
    { at, account, operator: 'TR0', currency: 'EUR', charges: 1, charged: '0.75' },
    { at, account, operator: 'TR5', currency: 'USD', charges: 0, charged: '0' },
    {
      ...{ at: '2026-03-10T15:30Z', account, operator: 'TR9', currency: 'USD' },
      ...{ charges: 0, charged: '0', refunds: 1, refunded: '0.5' },
    },
    {
      ...{ at: '2026-03-09T10:00Z', account, operator: 'TR2', currency: 'USD' },
      ...{ charges: 1, charged: '4' },
    },
  ]);
  await writer.freshness('2026-03-10T18:07:00Z');
  queries = queriesAt(writer.database, '2026-03-10T18:07:01Z', { cacheEntries: 0 });
});

afterAll(async () => {
  await queries?.end();
  await writer?.close();
});

const DAY = { range: { start: '2026-03-10', end: '2026-03-11' } };
const ask = (asked: object) =>
  queries.getOperatorPerformance(
    GetOperatorPerformanceRequest.fromPartial({ ...DAY, ...asked }),
    caller(),
  );
const summaryOf = (asked: object) =>
  queries.getSummary(GetSummaryRequest.fromPartial({ ...DAY, ...asked }), caller());

/** Net by currency, in units of 1e-9. */
function netOf(parts: readonly { readonly money: readonly Money[] }[]): Record<string, bigint> {
  const nets: Record<string, bigint> = {};
  for (const { currency, net } of parts.flatMap(({ money }) => money)) {
    nets[currency] = (nets[currency] ?? 0n) + units(net);
  }
  return nets;
}

const partsOf = ({ rows, other }: GetOperatorPerformanceResponse) =>
  other === undefined ? rows : [...rows, other];

async function pagesOf(asked: object): Promise<GetOperatorPerformanceResponse[]> {
  const pages: GetOperatorPerformanceResponse[] = [];
  let pageToken = '';
  do {
    const page = await ask({ ...asked, pageToken });
    pages.push(page);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return pages;
}

const idsOf = (pages: readonly GetOperatorPerformanceResponse[]) =>
  pages.flatMap(({ rows }) => rows.map(({ operatorId }) => operatorId));

describe('an operator that has money and no accepted message', () => {
  it('has a row of zeros without rates behind those with messages, and is no active one', async () => {
    const { rows, other, totalSize, money } = await ask({});
    expect(rows.map((row) => [row.operatorId, row.counts?.accepted])).toEqual([
      ['TR1', 2n],
      ['TR0', 1n],
      ['TR2', 0n],
      ['TR9', 0n],
    ]);
    expect([other, totalSize]).toEqual([undefined, 4]);
    const [, , charged, refunded] = rows;
    expect(Object.values(charged?.rates ?? {}).filter((rate) => rate !== undefined)).toEqual([]);
    expect(charged?.latency).toBeUndefined();
    expect(charged?.topFailureReasons).toEqual([]);
    expect(charged?.share).toMatchObject({ numerator: 0n, denominator: 3n, value: 0 });
    expect(charged?.money).toMatchObject([
      { currency: 'EUR', charged: '0.25', netPerDelivered: undefined },
      { currency: 'USD', charged: '1', net: '1' },
    ]);
    expect(refunded?.money).toMatchObject([{ currency: 'USD', refunds: 1n, net: '-0.5' }]);
    const summary = await summaryOf({});
    expect(money).toEqual(summary.money);
    expect(summary.activeOperators).toBe(2n);
  });

  // Nets of 10 March: USD 2 + 1 - 0.5, EUR 0.25 + 0.75.
  const total = { USD: 2_500_000_000n, EUR: 1_000_000_000n };
  it.each([
    ['accepted', '', ['TR1', 'TR0', 'TR2', 'TR9']],
    ['id, downwards', 'operator_id desc', ['TR9', 'TR2', 'TR1', 'TR0']],
    ['a rate, which is absent', 'delivery_rate', ['TR0', 'TR1', 'TR2', 'TR9']],
    ['latency, which is absent', 'latency_p95 desc', ['TR1', 'TR0', 'TR2', 'TR9']],
    ['share', 'share', ['TR2', 'TR9', 'TR0', 'TR1']],
  ])('is paged in order by %s, and every page adds up to all money', async (_n, orderBy, order) => {
    for (const pageSize of [1, 2, 3, 4]) {
      const pages = await pagesOf({ orderBy, pageSize });
      expect(pages).toHaveLength(Math.ceil(4 / pageSize));
      expect(idsOf(pages)).toEqual(order);
      for (const page of pages) {
        expect(netOf(partsOf(page))).toEqual(total);
        expect(netOf([page])).toEqual(total);
        expect(page.rows.length + (page.other?.operators ?? 0)).toBe(4);
        expect(page.totalSize).toBe(4);
      }
    }
  });

  it.each(['TR0', 'TR1', 'TR2', 'TR5', 'TR9', 'nobody'])(
    'completes the money also where only %s is asked for',
    async (operatorId) => {
      const answer = await ask({ operatorId });
      expect(netOf(partsOf(answer))).toEqual(total);
      const isInRange = operatorId !== 'nobody' && operatorId !== 'TR5';
      expect([answer.other?.operators, answer.totalSize]).toEqual([isInRange ? 3 : 4, 4]);
    },
  );

  it('is in exactly the quarters of an hour that its money is in', async () => {
    const quarter = (start: string, end: string) => ({
      range: { start: `2026-03-10T${start}:00Z`, end: `2026-03-10T${end}:00Z` },
    });
    expect(idsOf([await ask(quarter('15:30', '15:45'))])).toEqual(['TR9']);
    expect(idsOf([await ask(quarter('15:45', '16:00'))])).toEqual([]);
    expect(idsOf([await ask(quarter('10:15', '16:00'))])).toEqual(['TR9']);
  });

  it('has a series of zeros, and a comparison with its money of then, cut where it says', async () => {
    const { rows } = await ask({
      granularity: Granularity.GRANULARITY_HOUR,
      compare: Compare.COMPARE_PREVIOUS_PERIOD,
      compareElapsed: true,
    });
    const row = rows.find(({ operatorId }) => operatorId === 'TR2');
    expect(row?.series).toHaveLength(24);
    expect(row?.series.every((point) => point.counts?.accepted === 0n)).toBe(true);
    expect(row?.comparison?.money).toMatchObject([{ currency: 'USD', charged: '4' }]);
    const [eur, usd] = row?.comparison?.changes?.money ?? [];
    expect(eur).toMatchObject({ currency: 'EUR', chargedPercent: undefined });
    // From 4 to 1.
    expect(usd).toMatchObject({ currency: 'USD', chargedPercent: -75 });
    // data_as_of is 18:07; whole quarters of an hour are compared.
    expect(isoOf(row?.comparison?.currentEnd)).toBe('2026-03-10T18:00:00Z');
    expect(isoOf(row?.comparison?.effectiveRange?.end)).toBe('2026-03-09T18:00:00Z');
  });
});

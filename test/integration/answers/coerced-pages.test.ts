// Pages of operators whose series would have too many points together: they are shorter than asked
// for, and paging through them still meets every operator once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLongPage } from '../../../src/answers/operators/operator-performance.js';
import { GetOperatorPerformanceRequest } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { caller, queriesAt, RollupWriter, type TestQueries } from './rollup-rows.js';

const OPERATORS = Array.from({ length: 70 }, (_, i) => `op-${String(i).padStart(2, '0')}`);
const MARCH = { start: '2026-03-01', end: '2026-04-01' };

let writer: RollupWriter;
let queries: TestQueries;

beforeAll(async () => {
  writer = await RollupWriter.open();
  await writer.freshness('2026-04-01T00:00Z');
  await writer.outcomes(
    OPERATORS.map((operator) => ({
      at: '2026-03-10T10:00Z',
      account: 'acme',
      operator,
      outcome: 'DELIVERED',
      messages: 1,
    })),
  );
  queries = queriesAt(writer.database, '2026-04-01T00:00:00Z');
});

afterAll(async () => {
  await queries?.end();
  await writer?.close();
});

/** The operators of each page, from the first to the last. */
async function pagesOf(asked: object): Promise<string[][]> {
  const pages: string[][] = [];
  let pageToken = '';
  do {
    const request = GetOperatorPerformanceRequest.fromPartial({
      ...{ range: MARCH, orderBy: 'operator_id', pageToken },
      ...asked,
    });
    const page = await queries.getOperatorPerformance(request, caller());
    expect(page.rows.length + (page.other?.operators ?? 0)).toBe(OPERATORS.length);
    pages.push(page.rows.map((row) => row.operatorId));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return pages;
}

describe('a page of operators', () => {
  it('has at most 10,000 buckets, and the next one goes on where it ends', async () => {
    // 31 days of 24 hours are 744 buckets; 13 rows have 9,672 of them, 14 would have 10,416.
    const pages = await pagesOf({ granularity: Granularity.GRANULARITY_HOUR, pageSize: 200 });
    expect(pages.map((page) => page.length)).toEqual([13, 13, 13, 13, 13, 5]);
    expect(pages.flat()).toEqual(OPERATORS);
  });

  it('is as long as asked for where that is fewer, or where there are few buckets', async () => {
    const byHour = await pagesOf({ granularity: Granularity.GRANULARITY_HOUR, pageSize: 10 });
    expect(byHour.map((page) => page.length)).toEqual([10, 10, 10, 10, 10, 10, 10]);
    const byDay = await pagesOf({ granularity: Granularity.GRANULARITY_DAY, pageSize: 200 });
    expect(byDay.map((page) => page.length)).toEqual([70]);
  });

  it('is long where it has a series for each of several operators', () => {
    const isLong = (asked: object) =>
      isLongPage(GetOperatorPerformanceRequest.fromPartial({ range: MARCH, ...asked }));
    expect(isLong({ granularity: Granularity.GRANULARITY_DAY })).toBe(true);
    expect(isLong({ granularity: Granularity.GRANULARITY_DAY, operatorId: 'op-07' })).toBe(false);
    expect(isLong({ granularity: Granularity.GRANULARITY_TOTAL })).toBe(false);
    expect(isLong({})).toBe(false);
  });
});

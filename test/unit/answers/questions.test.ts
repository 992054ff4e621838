// What a wrong question gets: every wrong field at once, and not one statement.
import { describe, expect, it } from 'vitest';
import { createQueries } from '../../../src/answers/queries.js';
import {
  pageTokenOf,
  questionDigest,
  readPageToken,
} from '../../../src/answers/question/page-token.js';
import { InvalidQuestion, OutOfScope } from '../../../src/domain/failure.js';
import { parseInstant } from '../../../src/domain/time/instant.js';
import {
  Dimension,
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
  GetOperatorPerformanceRequest,
  GetSummaryRequest,
  GetThroughputRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import type { ReadPool } from '../../../src/postgres/pool.js';

let reads = 0;
const untouched: ReadPool = {
  read: () => {
    reads++;
    return Promise.reject(new Error('a statement was issued'));
  },
  use: () => ({ open: 0, busy: 0, waiting: 0 }),
  end: () => Promise.resolve(),
};
const clock = { now: () => parseInstant('2026-03-10T12:00:00Z') as number, monotonicMs: () => 0 };
const queries = createQueries({
  platformPool: untouched,
  accountPool: untouched,
  statePool: untouched,
  clock,
});
const context = (accountId?: string) => ({
  accountId,
  rowAccountId: accountId,
  signal: new AbortController().signal,
  deadline: undefined,
});

async function wrongFields(answer: Promise<unknown>): Promise<string[]> {
  const failure = await answer.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(reads).toBe(0);
  expect(failure).toBeInstanceOf(InvalidQuestion);
  return (failure as InvalidQuestion).violations.map((violation) => violation.field);
}

const day = { range: { start: '2026-03-09', end: '2026-03-10' } };
const summary = (request: object) =>
  queries.getSummary(GetSummaryRequest.fromPartial(request), context());
const operators = (request: object) =>
  queries.getOperatorPerformance(GetOperatorPerformanceRequest.fromPartial(request), context());
const breakdown = (request: object) =>
  queries.getDeliveryBreakdown(GetDeliveryBreakdownRequest.fromPartial(request), context());
const throughput = (request: object) =>
  queries.getThroughput(GetThroughputRequest.fromPartial(request), context());

describe('a wrong question', () => {
  it('without a range names both ends', async () => {
    expect(await wrongFields(summary({}))).toEqual(['range.start', 'range.end']);
  });

  it('gets all wrong fields at once', async () => {
    const request = {
      range: { start: '2026-02-30', end: '1' },
      timeZone: 'Mars/Phobos',
      granularity: 99,
      weekStart: -3,
      compare: 17,
    };
    const fields = [
      'granularity',
      'week_start',
      'compare',
      'time_zone',
      'range.start',
      'range.end',
    ];
    expect(await wrongFields(summary(request))).toEqual(fields);
    const more = { ...request, operatorId: 'x y', orderBy: 'nope', pageSize: -1, pageToken: 'x' };
    expect(await wrongFields(operators(more))).toEqual([
      ...fields,
      'operator_id',
      'order_by',
      'page_size',
      'page_token',
    ]);
  });

  it('asks for minutes of something else than throughput', async () => {
    const request = { ...day, granularity: Granularity.GRANULARITY_MINUTE };
    expect(await wrongFields(summary(request))).toEqual(['granularity']);
  });

  it('groups or filters by what does not exist', async () => {
    const request = {
      ...day,
      groupBy: [Dimension.DIMENSION_OUTCOME, Dimension.DIMENSION_OUTCOME],
      orderBy: 'account_id',
      filter: {
        accountIds: ["a'--"],
        operatorIds: [''],
        outcomes: [0],
        reasons: ['absent_subscriber'],
        errorClasses: [5],
      },
    };
    expect(await wrongFields(breakdown(request))).toEqual([
      'filter.account_ids',
      'filter.operator_ids',
      'filter.outcomes',
      'filter.reasons',
      'filter.error_classes',
      'group_by',
      'order_by',
    ]);
    const four = [1, 2, 3, 4];
    expect(await wrongFields(breakdown({ ...day, groupBy: four }))).toEqual(['group_by']);
    expect(await wrongFields(breakdown({ ...day, groupBy: [0] }))).toEqual(['group_by']);
  });

  it('filters throughput by something else than operators', async () => {
    const request = { ...day, filter: { accountIds: ['a'], outcomes: [1] } };
    expect(await wrongFields(throughput(request))).toEqual([
      'filter.account_ids',
      'filter.outcomes',
    ]);
  });

  it('asks for minutes of throughput that are no longer kept', async () => {
    const request = { range: { start: '2025-12-01', end: '2025-12-02' } };
    expect(await wrongFields(throughput(request))).toEqual(['range.start']);
  });
});

describe('a page size above the maximum', () => {
  it('is no wrong question, whether in rows or in points', async () => {
    const hours = { granularity: Granularity.GRANULARITY_HOUR };
    const month = { range: { start: '2026-02-01', end: '2026-03-01' }, ...hours };
    for (const request of [
      { ...day, pageSize: 2 ** 31 - 1 },
      { ...month, pageSize: 200 },
    ]) {
      // It is valid: the next thing is a statement, which this test has no database for.
      await expect(operators(request)).rejects.toThrow('a statement was issued');
    }
    await expect(breakdown({ ...day, pageSize: 1001 })).rejects.toThrow('a statement was issued');
    reads = 0;
  });
});

describe('the scope of an account', () => {
  const usage = (accountId: string, scope?: string) =>
    queries.getAccountUsage(
      GetAccountUsageRequest.fromPartial({ ...day, accountId }),
      context(scope),
    );

  it('is refused where the caller has none or another one, before the question is read', async () => {
    await expect(usage('acc-1')).rejects.toBeInstanceOf(OutOfScope);
    await expect(usage('acc-1', 'acc-2')).rejects.toBeInstanceOf(OutOfScope);
    await expect(usage('acc-1 ', 'acc-1')).rejects.toBeInstanceOf(OutOfScope);
    await expect(usage('', undefined)).rejects.toBeInstanceOf(OutOfScope);
    expect(reads).toBe(0);
  });

  it('must be an id', async () => {
    expect(await wrongFields(usage('acc\u0000', 'acc\u0000'))).toEqual(['account_id']);
  });
});

describe('a page token', () => {
  const question = questionDigest('GetSummary', new Uint8Array([1, 2, 3]));
  const read = (token: string, of = question) => {
    const violations: { field: string; description: string }[] = [];
    const offset = readPageToken(token, () => of, violations);
    return violations.length > 0 ? 'refused' : offset;
  };

  it('names the offset for its own question only', () => {
    expect(read(pageTokenOf(question, 25))).toBe(25);
    expect(read('')).toBe(0);
    const other = questionDigest('GetSummary', new Uint8Array([1, 2, 4]));
    expect(read(pageTokenOf(question, 25), other)).toBe('refused');
    expect(questionDigest('GetThroughput', new Uint8Array([1, 2, 3]))).not.toBe(question);
  });

  it('is refused after any change of one character', () => {
    const token = pageTokenOf(question, 25);
    for (let at = 0; at < token.length; at++) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(read(changed)).toBe('refused');
    }
  });

  it.each(['x', '.', 'e30.x', 'a'.repeat(100_000)])('%.20j is refused', (token) => {
    expect(read(token)).toBe('refused');
  });
});

// A question asked to its last page, and the pages that the oracle has for it.
import type {
  GetAccountUsageResponse,
  GetDeliveryBreakdownResponse,
  GetOperatorPerformanceResponse,
  GetSummaryResponse,
  GetThroughputResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  accountUsage,
  type Standing,
  standingOf,
  summary,
  throughput,
} from '../../oracle/answers.js';
import { timestamp } from '../../oracle/figures.js';
import type { Ledger } from '../../oracle/ledger.js';
import { deliveryBreakdown, operatorPerformance } from '../../oracle/ranked-answers.js';
import type { Question } from './random-questions.js';
import { caller, type TestQueries } from './rollup-rows.js';

export type Answer =
  | GetSummaryResponse
  | GetOperatorPerformanceResponse
  | GetAccountUsageResponse
  | GetThroughputResponse
  | GetDeliveryBreakdownResponse;

/** What the test knows of the answers' basis. */
export interface Standings {
  readonly ledger: Ledger;
  readonly dataAsOf: number;
  readonly retainedFrom: number;
}

/** The answer, or all pages of it. */
export async function pagesOf(queries: TestQueries, question: Question): Promise<Answer[]> {
  const { rpc, asked } = question;
  if (rpc === 'getSummary') return [await queries.getSummary(asked, caller())];
  if (rpc === 'getThroughput') return [await queries.getThroughput(asked, caller())];
  if (rpc === 'getAccountUsage') {
    return [await queries.getAccountUsage(asked, caller(asked.accountId))];
  }
  const pages: Answer[] = [];
  let pageToken = '';
  do {
    const page =
      rpc === 'getOperatorPerformance'
        ? await queries.getOperatorPerformance({ ...asked, pageToken }, caller())
        : await queries.getDeliveryBreakdown({ ...asked, pageToken }, caller());
    pages.push(page);
    ({ nextPageToken: pageToken } = page);
  } while (pageToken !== '' && pages.length < 1000);
  return pages;
}

/** What the oracle says instead of `answers`, of which only the revision is taken. */
export function expectedPages(
  question: Question,
  answers: readonly Answer[],
  { ledger, dataAsOf, retainedFrom }: Standings,
): Answer[] {
  const known = { dataAsOf: timestamp(dataAsOf), revision: answers[0]?.meta?.revision ?? '' };
  const nothing = { settledThrough: undefined, effectiveRange: undefined };
  const standing: Standing = { ...standingOf({ ...known, ...nothing }), retainedFrom };
  const { rpc, asked } = question;
  if (rpc === 'getSummary') return [summary(ledger, asked, standing)];
  if (rpc === 'getThroughput') return [throughput(ledger, asked, standing)];
  if (rpc === 'getAccountUsage') return [accountUsage(ledger, asked, standing)];
  const size = asked.pageSize || (rpc === 'getOperatorPerformance' ? 25 : 100);
  const pages: Answer[] = [];
  let next = '';
  do {
    const page = { offset: pages.length * size, size };
    const answer =
      rpc === 'getOperatorPerformance'
        ? operatorPerformance(ledger, asked, standing, page)
        : deliveryBreakdown(ledger, asked, standing, page);
    pages.push(answer);
    next = answer.nextPageToken;
  } while (next !== '');
  return pages;
}

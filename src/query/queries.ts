/**
 * The five questions, bound to what they are answered from. Each follows one straight line: validated
 * question, statements in one snapshot, answer. Failures are those of src/domain/failure.ts.
 */
import { DEFAULT_SETTLE_HOURS } from '../domain/settling.js';
import type {
  GetAccountUsageRequest,
  GetAccountUsageResponse,
  GetDeliveryBreakdownRequest,
  GetDeliveryBreakdownResponse,
  GetOperatorPerformanceRequest,
  GetOperatorPerformanceResponse,
  GetSummaryRequest,
  GetSummaryResponse,
  GetThroughputRequest,
  GetThroughputResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import { type AnswerState, selectAnswerState } from '../store/postgres/select-answer-state.js';
import { getAccountUsage } from './account-usage.js';
import type { QueryContext } from './context.js';
import { getDeliveryBreakdown } from './delivery-breakdown.js';
import { getOperatorPerformance } from './operator-performance.js';
import { limitsOf, type Sources } from './sources.js';
import { getSummary } from './summary.js';
import { getThroughput } from './throughput.js';

export type { QueryContext } from './context.js';

/** Answers one question, or throws one of the expected failures. */
export type Query<Request, Response> = (
  request: Request,
  context: QueryContext,
) => Promise<Response>;

/** The five questions, and how fresh the answers would be. */
export interface Queries {
  readonly getSummary: Query<GetSummaryRequest, GetSummaryResponse>;
  readonly getOperatorPerformance: Query<
    GetOperatorPerformanceRequest,
    GetOperatorPerformanceResponse
  >;
  readonly getAccountUsage: Query<GetAccountUsageRequest, GetAccountUsageResponse>;
  readonly getThroughput: Query<GetThroughputRequest, GetThroughputResponse>;
  readonly getDeliveryBreakdown: Query<GetDeliveryBreakdownRequest, GetDeliveryBreakdownResponse>;
  readonly freshness: (context: QueryContext) => Promise<AnswerState>;
}

/** The pools and the clock must be given; the rest has the contract's defaults. */
export type QueryOptions = Pick<Sources, 'platformPool' | 'accountPool' | 'clock'> &
  Partial<Sources>;

export function createQueries(options: QueryOptions): Queries {
  const sources: Sources = {
    settleHours: DEFAULT_SETTLE_HOURS,
    retentionDays: 800,
    throughputRetentionDays: 90,
    maxAnswerMs: 30_000,
    ...options,
  };
  return {
    getSummary: (request, context) => getSummary(sources, request, context),
    getOperatorPerformance: (request, context) => getOperatorPerformance(sources, request, context),
    getAccountUsage: (request, context) => getAccountUsage(sources, request, context),
    getThroughput: (request, context) => getThroughput(sources, request, context),
    getDeliveryBreakdown: (request, context) => getDeliveryBreakdown(sources, request, context),
    freshness: (context) =>
      sources.platformPool.read(limitsOf(sources, context), selectAnswerState),
  };
}

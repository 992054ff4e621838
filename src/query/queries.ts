/**
 * The five questions, bound to what they are answered from. Each follows one straight line: validated
 * question, statements in one snapshot, answer. Failures are those of src/domain/failure.ts.
 */
import { DEFAULT_SETTLE_HOURS } from '../domain/settling.js';
import {
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
import type { Meta } from '../generated/proto/sms/analytics/v1/common.js';
import { AccountMemory } from '../store/postgres/account-memory.js';
import { type AnswerState, selectAnswerState } from '../store/postgres/select-answer-state.js';
import { createSlotMemory } from '../store/postgres/slot-memory.js';
import { prepareAccountUsage } from './account-usage.js';
import { type AnswerCacheUse, createAnswerCache } from './answer-cache.js';
import type { Prepared, QueryContext } from './context.js';
import { prepareDeliveryBreakdown } from './delivery-breakdown.js';
import { prepareOperatorPerformance } from './operator-performance.js';
import { DEFAULT_REVISION_POLL_MS, watchRevision } from './revision-watch.js';
import { limitsOf, type Sources } from './sources.js';
import { prepareSummary } from './summary.js';
import { prepareThroughput } from './throughput.js';

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
  /** How full the cache of answers is, and how often it helped. */
  readonly cacheUse: () => AnswerCacheUse;
}

/** The pools and the clock must be given; the rest has the contract's defaults. */
export type QueryOptions = Pick<Sources, 'platformPool' | 'accountPool' | 'statePool' | 'clock'> &
  Partial<Sources> & {
    /** Answers that are remembered at most; 0 switches the cache off. Default 2,000. */
    readonly cacheEntries?: number;
    /** Encoded size of all remembered answers at most. Default 16 MiB. */
    readonly cacheBytes?: number;
    /** Memory for histograms that were read already, at most; 0 keeps none. Default 16 MiB. */
    readonly histogramBytes?: number;
    /** How long an answer may be repeated after the data have changed, in ms. Default 200. */
    readonly revisionPollMs?: number;
  };

export function createQueries(options: QueryOptions): Queries {
  const sources: Sources = {
    settleHours: DEFAULT_SETTLE_HOURS,
    retentionDays: 800,
    throughputRetentionDays: 90,
    maxAnswerMs: 30_000,
    latest: { state: undefined },
    accounts: new AccountMemory(),
    histograms: createSlotMemory(options.histogramBytes ?? 16 * 1024 * 1024),
    ...options,
  };
  const pollMs = options.revisionPollMs ?? DEFAULT_REVISION_POLL_MS;
  const cache = createAnswerCache({
    clock: sources.clock,
    currentRevision: watchRevision(sources, sources.clock, pollMs),
    maxEntries: options.cacheEntries ?? 2_000,
    maxBytes: options.cacheBytes ?? 16 * 1024 * 1024,
  });
  const bound = <Request, Response extends { readonly meta: Meta | undefined }>(
    rpc: string,
    request: MessageFns<Request>,
    response: MessageFns<Response>,
    prepare: (sources: Sources, request: Request, context: QueryContext) => Prepared<Response>,
  ): Query<Request, Response> =>
    cache.cached({
      rpc,
      encodeRequest: (message) => request.encode(message).finish(),
      encodeResponse: (message) => response.encode(message).finish(),
      prepare: (message, context) => prepare(sources, message, context),
    });
  return {
    getSummary: bound('GetSummary', GetSummaryRequest, GetSummaryResponse, prepareSummary),
    getOperatorPerformance: bound(
      'GetOperatorPerformance',
      GetOperatorPerformanceRequest,
      GetOperatorPerformanceResponse,
      prepareOperatorPerformance,
    ),
    getAccountUsage: bound(
      'GetAccountUsage',
      GetAccountUsageRequest,
      GetAccountUsageResponse,
      prepareAccountUsage,
    ),
    getThroughput: bound(
      'GetThroughput',
      GetThroughputRequest,
      GetThroughputResponse,
      prepareThroughput,
    ),
    getDeliveryBreakdown: bound(
      'GetDeliveryBreakdown',
      GetDeliveryBreakdownRequest,
      GetDeliveryBreakdownResponse,
      prepareDeliveryBreakdown,
    ),
    freshness: (context) => sources.statePool.read(limitsOf(sources, context), selectAnswerState),
    cacheUse: cache.use,
  };
}

/** The codec of a message. */
interface MessageFns<Message> {
  encode(message: Message): { finish(): Uint8Array };
}

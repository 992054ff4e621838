// The five questions, each bound to what it is answered from and to the cache of answers. DESIGN.md
// beside this file follows one of them. Failures are those of src/domain/failure.ts.
import { DEFAULT_SETTLE_HOURS } from '../domain/time/settling.js';
import {
  GetAccountUsageRequest,
  type GetAccountUsageResponse,
  GetDeliveryBreakdownRequest,
  type GetDeliveryBreakdownResponse,
  GetOperatorPerformanceRequest,
  type GetOperatorPerformanceResponse,
  GetSummaryRequest,
  type GetSummaryResponse,
  GetThroughputRequest,
  type GetThroughputResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import { prepareAccountUsage } from './account-usage/account-usage.js';
import { prepareDeliveryBreakdown } from './breakdown/delivery-breakdown.js';
import type { Look } from './freshness/look.js';
import { DEFAULT_LOOK_INTERVAL_MS, watchLook } from './freshness/look-watch.js';
import { type AnswerState, selectAnswerState } from './freshness/select-answer-state.js';
import { limitsOf, type Sources } from './freshness/sources.js';
import { type AnswerCacheUse, createAnswerCache } from './memory/answer-cache.js';
import { SlotMemory } from './memory/slot-memory.js';
import { prepareOperatorPerformance } from './operators/operator-performance.js';
import type { Encoded, Prepared, QueryContext } from './question/context.js';
import { freshnessOf, revisionOf } from './question/periods.js';
import { prepareSummary } from './summary/summary.js';
import { prepareThroughput } from './throughput/throughput.js';

export type { QueryContext } from './question/context.js';

/** Answers one question, encoded, or throws one of the expected failures. */
export type Query<Request, Response> = (
  request: Request,
  context: QueryContext,
) => Promise<Encoded<Response>>;

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
    /** Size of all remembered answers at most. Default 4 MiB. */
    readonly cacheBytes?: number;
    /**
     * Memory for what was read of the rollups already, at most; 0 keeps nothing. Default 30 MiB.
     */
    readonly memoryBytes?: number;
    /** How long an answer may be repeated after the data have changed, in ms. Default 200. */
    readonly lookIntervalMs?: number;
  };

export function createQueries(options: QueryOptions): Queries {
  const never = Number.NEGATIVE_INFINITY;
  const latest = { look: undefined, startedMs: never, notBeforeMs: never };
  const memory = new SlotMemory(options.memoryBytes ?? 30 * MIB);
  const { statePool, clock, lookIntervalMs = DEFAULT_LOOK_INTERVAL_MS } = options;
  const sources: Sources = {
    settleHours: DEFAULT_SETTLE_HOURS,
    retentionDays: 800,
    throughputRetentionDays: 90,
    maxAnswerMs: 30_000,
    ...watchLook({ latest, memory, statePool }, clock, lookIntervalMs),
    latest,
    memory,
    loads: new Map(),
    ...options,
  };
  const revisionAt = (look: Look | undefined) =>
    look && revisionOf(freshnessOf(look, sources.settleHours));
  const cache = createAnswerCache({
    clock,
    recentRevision: () => revisionAt(sources.recentLook()),
    currentRevision: async () => revisionAt(await sources.look()),
    maxEntries: options.cacheEntries ?? 2_000,
    maxBytes: options.cacheBytes ?? 4 * MIB,
  });
  const bound = <Request, Response>(
    rpc: string,
    request: MessageFns<Request>,
    prepare: (sources: Sources, request: Request, context: QueryContext) => Prepared<Response>,
  ): Query<Request, Response> =>
    cache.cached({
      rpc,
      encodeRequest: (message) => request.encode(message).finish(),
      prepare: (message, context) => prepare(sources, message, context),
    });
  return {
    getSummary: bound('GetSummary', GetSummaryRequest, prepareSummary),
    getOperatorPerformance: bound(
      'GetOperatorPerformance',
      GetOperatorPerformanceRequest,
      prepareOperatorPerformance,
    ),
    getAccountUsage: bound('GetAccountUsage', GetAccountUsageRequest, prepareAccountUsage),
    getThroughput: bound('GetThroughput', GetThroughputRequest, prepareThroughput),
    getDeliveryBreakdown: bound(
      'GetDeliveryBreakdown',
      GetDeliveryBreakdownRequest,
      prepareDeliveryBreakdown,
    ),
    freshness: (context) =>
      sources.statePool.read(limitsOf(sources, context), selectAnswerState, { atOnce: true }),
    cacheUse: cache.use,
  };
}

const MIB = 1024 * 1024;

/** The codec of a message. */
interface MessageFns<Message> {
  encode(message: Message): { finish(): Uint8Array };
}

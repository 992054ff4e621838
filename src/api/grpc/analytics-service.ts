// The five rpcs: each request type, its use case, each response type. Nothing else happens here.
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
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
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import { encodedAnswer } from '../../query/answer-cache.js';
import { type MethodCodec, type UnaryOptions, type UseCase, unary } from './unary.js';

/** The use cases behind the five rpcs. */
export interface AnalyticsQueries {
  getSummary: UseCase<GetSummaryRequest, GetSummaryResponse>;
  getOperatorPerformance: UseCase<GetOperatorPerformanceRequest, GetOperatorPerformanceResponse>;
  getAccountUsage: UseCase<GetAccountUsageRequest, GetAccountUsageResponse>;
  getThroughput: UseCase<GetThroughputRequest, GetThroughputResponse>;
  getDeliveryBreakdown: UseCase<GetDeliveryBreakdownRequest, GetDeliveryBreakdownResponse>;
}

/** What of a generated message type a codec needs. */
interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode: MethodCodec<T, never>['decode'];
}

/** The codec of a method from its two generated message types. A repeated answer has its bytes already. */
export function codec<Request, Response extends object>(
  request: MessageType<Request>,
  response: MessageType<Response>,
): MethodCodec<Request, Response> {
  return {
    decode: request.decode,
    encode: (message) => encodedAnswer(message) ?? response.encode(message).finish(),
  };
}

/** The handlers of AnalyticsService. */
export function analyticsHandlers(
  queries: AnalyticsQueries,
  options: UnaryOptions,
): UntypedServiceImplementation {
  return {
    getSummary: unary(codec(GetSummaryRequest, GetSummaryResponse), queries.getSummary, options),
    getOperatorPerformance: unary(
      codec(GetOperatorPerformanceRequest, GetOperatorPerformanceResponse),
      queries.getOperatorPerformance,
      options,
    ),
    getAccountUsage: unary(
      codec(GetAccountUsageRequest, GetAccountUsageResponse),
      queries.getAccountUsage,
      options,
    ),
    getThroughput: unary(
      codec(GetThroughputRequest, GetThroughputResponse),
      queries.getThroughput,
      options,
    ),
    getDeliveryBreakdown: unary(
      codec(GetDeliveryBreakdownRequest, GetDeliveryBreakdownResponse),
      queries.getDeliveryBreakdown,
      options,
    ),
  };
}

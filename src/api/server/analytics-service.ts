// The five rpcs: each request type and its use case. Nothing else happens here.
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { isLongPage } from '../../answers/operators/operator-performance.js';
import {
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
  GetOperatorPerformanceRequest,
  GetSummaryRequest,
  GetThroughputRequest,
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import { type UnaryOptions, type UseCase, unary } from '../calls/unary.js';

/** The use cases behind the five rpcs. */
export interface AnalyticsQueries {
  getSummary: UseCase<GetSummaryRequest>;
  getOperatorPerformance: UseCase<GetOperatorPerformanceRequest>;
  getAccountUsage: UseCase<GetAccountUsageRequest>;
  getThroughput: UseCase<GetThroughputRequest>;
  getDeliveryBreakdown: UseCase<GetDeliveryBreakdownRequest>;
}

/** The handlers of AnalyticsService. */
export function analyticsHandlers(
  queries: AnalyticsQueries,
  options: UnaryOptions,
): UntypedServiceImplementation {
  return {
    getSummary: unary(GetSummaryRequest, queries.getSummary, options),
    getOperatorPerformance: unary(
      GetOperatorPerformanceRequest,
      queries.getOperatorPerformance,
      options,
      isLongPage,
    ),
    getAccountUsage: unary(GetAccountUsageRequest, queries.getAccountUsage, options),
    getThroughput: unary(GetThroughputRequest, queries.getThroughput, options),
    getDeliveryBreakdown: unary(GetDeliveryBreakdownRequest, queries.getDeliveryBreakdown, options),
  };
}

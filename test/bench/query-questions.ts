// What the query benchmark asks: for each rpc a typical question (7 days by hour), no two alike,
// and the largest.
import { createHash } from 'node:crypto';
import {
  AnalyticsServiceService,
  Dimension,
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
  GetOperatorPerformanceRequest,
  GetSummaryRequest,
  GetThroughputRequest,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../src/generated/proto/sms/analytics/v1/common.js';
import type { Question } from './query-load.js';

const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export interface Asked {
  readonly range: { readonly start: string; readonly end: string };
  readonly timeZone: string;
  readonly granularity: Granularity;
}

/** [end - hours, end) in UTC hours. */
export function rangeOf(endMs: number, spanMs: number): Asked['range'] {
  const iso = (ms: number) => new Date(ms).toISOString();
  return { start: iso(endMs - spanMs), end: iso(endMs) };
}

export type Rpc = 'summary' | 'operator' | 'account' | 'throughput' | 'breakdown';
export const RPCS: readonly Rpc[] = ['summary', 'operator', 'account', 'throughput', 'breakdown'];
export const NAMES: Record<Rpc, string> = {
  summary: 'GetSummary',
  operator: 'GetOperatorPerformance',
  account: 'GetAccountUsage',
  throughput: 'GetThroughput',
  breakdown: 'GetDeliveryBreakdown',
};

/**
 * The question of `rpc` about a period; `variant` chooses the operator or the account, `wide` all
 * operators.
 */
export function questionOf(rpc: Rpc, asked: Asked, variant: number, wide = false): Question {
  const service = AnalyticsServiceService;
  const bytes = (message: { finish(): Uint8Array }) => Buffer.from(message.finish());
  switch (rpc) {
    case 'summary': {
      const request = bytes(GetSummaryRequest.encode(GetSummaryRequest.fromPartial(asked)));
      return { path: service.getSummary.path, request };
    }
    case 'operator': {
      const operatorId = wide ? '' : String(22_801 + (variant % 20));
      const question = GetOperatorPerformanceRequest.fromPartial({ ...asked, operatorId });
      const request = bytes(GetOperatorPerformanceRequest.encode(question));
      return { path: service.getOperatorPerformance.path, request };
    }
    case 'account': {
      const accountId = `account-${wide ? 0 : spread(variant) % 500}`;
      const question = GetAccountUsageRequest.fromPartial({ ...asked, accountId });
      const request = bytes(GetAccountUsageRequest.encode(question));
      return { path: service.getAccountUsage.path, request };
    }
    case 'throughput': {
      const request = bytes(GetThroughputRequest.encode(GetThroughputRequest.fromPartial(asked)));
      return { path: service.getThroughput.path, request };
    }
    case 'breakdown': {
      const groupBy = [Dimension.DIMENSION_OPERATOR, Dimension.DIMENSION_OUTCOME];
      const { range, timeZone } = asked;
      const question = GetDeliveryBreakdownRequest.fromPartial({ range, timeZone, groupBy });
      const request = bytes(GetDeliveryBreakdownRequest.encode(question));
      return { path: service.getDeliveryBreakdown.path, request };
    }
  }
}

/**
 * Seven days by hour, ending at any hour of the days that are there: no two of some 2,000 are the
 * same.
 */
export function typical(rpc: Rpc, endMs: number, days: number, index: number): Question {
  return byHour(rpc, endMs, days, index, 7 * 24);
}

/**
 * As many questions about the same hours, each an hour longer: what a process was asked before, and
 * never the same.
 */
export function before(rpc: Rpc, endMs: number, days: number, index: number): Question {
  return byHour(rpc, endMs, days, index, 7 * 24 + 1);
}

function byHour(rpc: Rpc, endMs: number, days: number, index: number, hours: number): Question {
  const choices = Math.max(1, days * 24 - hours);
  const range = rangeOf(endMs - (index % choices) * HOUR_MS, hours * HOUR_MS);
  const asked = { range, timeZone: 'UTC', granularity: Granularity.GRANULARITY_HOUR };
  return questionOf(rpc, asked, index);
}

/**
 * As long as is allowed, by day; each a quarter of an hour shorter than the one before. Throughput:
 * what is kept.
 */
export function largest(rpc: Rpc, endMs: number, timeZone: string, index: number): Question {
  const spanMs = (rpc === 'throughput' ? 89 : 400) * DAY_MS;
  const range = rangeOf(endMs, spanMs - (index + 1) * (HOUR_MS / 4));
  const asked = { range, timeZone, granularity: Granularity.GRANULARITY_DAY };
  return questionOf(rpc, asked, index, true);
}

/** Every account beside the operators that it sends by, over so many days; no two alike. */
export function accountsByOperator(endMs: number, days: number, index: number): Question {
  const range = rangeOf(endMs, days * DAY_MS - (index + 1) * (HOUR_MS / 4));
  const groupBy = [Dimension.DIMENSION_ACCOUNT, Dimension.DIMENSION_OPERATOR];
  const question = GetDeliveryBreakdownRequest.fromPartial({ range, timeZone: 'UTC', groupBy });
  const request = Buffer.from(GetDeliveryBreakdownRequest.encode(question).finish());
  return { path: AnalyticsServiceService.getDeliveryBreakdown.path, request };
}

function spread(variant: number): number {
  return createHash('sha256').update(String(variant)).digest().readUInt16LE(0);
}

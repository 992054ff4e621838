// GetThroughput: messages per second, accepted and completed.

import type { FieldViolation } from '../../domain/failure.js';
import type { InstantRange } from '../../domain/time/calendar.js';
import { type EpochMicros, floorToMinutes, MICROS_PER_SECOND } from '../../domain/time/instant.js';
import {
  type Flow,
  type GetThroughputRequest,
  GetThroughputResponse,
  type Throughput,
  ThroughputPoint,
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Filter } from '../../generated/proto/sms/analytics/v1/common.js';
import { joined, partOf } from '../../platform/parts.js';
import { answerFrom, NotRemembered } from '../freshness/reading.js';
import { assertValid, type Sources, throughputRules } from '../freshness/sources.js';
import type { Prepared } from '../question/context.js';
import { planElapsed } from '../question/periods.js';
import { checkIds, readPeriod } from '../question/read-question.js';
import { metaOf, timestampOf } from '../wire/answer-parts.js';
import { encoded, type SeriesField, seriesParts } from '../wire/points.js';
import { type FlowSums, type SlotThroughput, throughputKind } from './select-throughput.js';

/** @throws {InvalidQuestion} with every wrong field, before anything is read */
export function prepareThroughput(
  sources: Sources,
  request: GetThroughputRequest,
): Prepared<GetThroughputResponse> {
  const rules = throughputRules(sources);
  const violations: FieldViolation[] = [];
  const question = readPeriod(request, rules, violations);
  const operatorIds = readOperators(request.filter, violations);
  assertValid(question, violations);
  const { range, granularity } = question;

  return (context) =>
    answerFrom(sources, context, async (reading) => {
      const { fresh } = reading;
      const elapsedTo = floorToMinutes(fresh.dataAsOf, 1);
      const current = planElapsed(question, fresh, elapsedTo);
      const found = await reading.get(throughputKind, current, [operatorIds]);
      if (found instanceof NotRemembered) return found;
      const slots = found.get(operatorIds) ?? [];
      const meta = metaOf(range, fresh);
      const total = throughputOf(slots, slots.slice(0, current.slotsBeforeCut), range, elapsedTo);
      const answer = encoded(GetThroughputResponse, { meta, total, series: [] });
      const points =
        granularity === 'total' ? [] : seriesParts(seriesAt(elapsedTo), current, slots, fresh);
      return { bytes: joined([partOf(answer), ...points]), revision: meta.revision };
    });
}

const seriesAt = (elapsedTo: EpochMicros): SeriesField<SlotThroughput, ThroughputPoint> => ({
  number: 3,
  message: ThroughputPoint,
  // A bucket that has elapsed in part is two slots.
  pointOf: (bucket, values, range) => ({
    bucket,
    throughput: throughputOf(values, values.slice(0, 1), range, elapsedTo),
  }),
  openFlows: true,
});

/**
 * The operators of the filter, separated by commas, '' for all; anything else in it is a violation.
 */
function readOperators(filter: Filter | undefined, violations: FieldViolation[]): string {
  if (filter === undefined) return '';
  const others = {
    'filter.account_ids': filter.accountIds,
    'filter.outcomes': filter.outcomes,
    'filter.reasons': filter.reasons,
    'filter.error_classes': filter.errorClasses,
  };
  for (const [field, values] of Object.entries(others)) {
    if (values.length > 0) {
      violations.push({
        field,
        description: 'cannot filter throughput, which is by operator only',
      });
    }
  }
  checkIds('filter.operator_ids', filter.operatorIds, violations);
  return [...new Set(filter.operatorIds)].sort().join(',');
}

/** `elapsed`: those of `slots` that lie before `elapsedTo`, the whole minutes up to data_as_of. */
function throughputOf(
  slots: readonly SlotThroughput[],
  elapsed: readonly SlotThroughput[],
  range: InstantRange,
  elapsedTo: EpochMicros,
): Throughput {
  const seconds = (Math.min(range.end, elapsedTo) - range.start) / MICROS_PER_SECOND;
  const flow = (of: 'accepted' | 'completed') => {
    const sumsOf = (some: readonly SlotThroughput[]) =>
      some.flatMap(({ sums }) => sums?.[of] ?? []);
    return flowOf(sumsOf(slots), sumsOf(elapsed), seconds);
  };
  return { accepted: flow('accepted'), completed: flow('completed') };
}

/** One flow, of which `elapsed` took `seconds`: of equally busy minutes the first. */
function flowOf(sums: readonly FlowSums[], elapsed: readonly FlowSums[], seconds: number): Flow {
  let peak: FlowSums | undefined;
  for (const sum of sums) {
    if (sum.busiest === 0n || (peak && sum.busiest < peak.busiest)) continue;
    if (!peak || sum.busiest > peak.busiest || sum.busiestAt < peak.busiestAt) peak = sum;
  }
  return {
    messages: messagesOf(sums),
    tpsAvg: seconds > 0 ? Number(messagesOf(elapsed)) / seconds : undefined,
    tpsPeak: peak ? Number(peak.busiest) / 60 : 0,
    tpsPeakAt: peak && timestampOf(peak.busiestAt),
  };
}

const messagesOf = (sums: readonly FlowSums[]) =>
  sums.reduce((sum, { messages }) => sum + messages, 0n);

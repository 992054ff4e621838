/** GetThroughput: messages per second, accepted and completed. */
import type { InstantRange } from '../domain/calendar.js';
import type { FieldViolation } from '../domain/failure.js';
import { MICROS_PER_SECOND } from '../domain/instant.js';
import {
  type Flow,
  type GetThroughputRequest,
  GetThroughputResponse,
  type Throughput,
  ThroughputPoint,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Filter } from '../generated/proto/sms/analytics/v1/common.js';
import { joined, partOf } from '../platform/parts.js';
import type { FlowSums, SlotThroughput } from '../store/postgres/select-throughput.js';
import { metaOf, timestampOf } from './answer-parts.js';
import type { Prepared } from './context.js';
import { type Freshness, planPeriods } from './periods.js';
import { encoded, type SeriesField, seriesParts } from './points.js';
import { checkIds, readPeriod } from './read-question.js';
import { answerFrom } from './reading.js';
import { assertValid, type Sources, throughputRules } from './sources.js';

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
      const { current } = planPeriods(question, fresh, rules.retainedFrom);
      const found = await reading.get(sources.kinds.throughput, current, [operatorIds]);
      const slots = found.get(operatorIds) ?? [];
      const meta = metaOf(range, fresh);
      const total = throughputOf(slots, range, fresh);
      const answer = encoded(GetThroughputResponse, { meta, total, series: [] });
      const points =
        granularity === 'total' ? [] : seriesParts(seriesAt(fresh), current, slots, fresh);
      return { bytes: joined([partOf(answer), ...points]), revision: meta.revision };
    });
}

const seriesAt = (fresh: Freshness): SeriesField<SlotThroughput, ThroughputPoint> => ({
  number: 3,
  message: ThroughputPoint,
  pointOf: (bucket, values, range) => ({ bucket, throughput: throughputOf(values, range, fresh) }),
  openFlows: true,
});

/** The operators of the filter, separated by commas, '' for all; anything else in it is a violation. */
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

function throughputOf(
  slots: readonly SlotThroughput[],
  range: InstantRange,
  fresh: Freshness,
): Throughput {
  const sums = slots.flatMap((slot) => slot.sums ?? []);
  const flow = (of: 'accepted' | 'completed') =>
    flowOf(
      sums.map((one) => one[of]),
      range,
      fresh,
    );
  return { accepted: flow('accepted'), completed: flow('completed') };
}

/** One flow over `range`: of equally busy minutes the first. */
function flowOf(sums: readonly FlowSums[], range: InstantRange, fresh: Freshness): Flow {
  let messages = 0n;
  let peak: FlowSums | undefined;
  for (const sum of sums) {
    messages += sum.messages;
    if (sum.busiest === 0n || (peak && sum.busiest < peak.busiest)) continue;
    if (!peak || sum.busiest > peak.busiest || sum.busiestAt < peak.busiestAt) peak = sum;
  }
  const seconds = (Math.min(range.end, fresh.dataAsOf) - range.start) / MICROS_PER_SECOND;
  return {
    messages,
    tpsAvg: seconds > 0 ? Number(messages) / seconds : undefined,
    tpsPeak: peak ? Number(peak.busiest) / 60 : 0,
    tpsPeakAt: peak && timestampOf(peak.busiestAt),
  };
}

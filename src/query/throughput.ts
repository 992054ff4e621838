/** GetThroughput: messages per second, accepted and completed. */
import { bucketEdges, type InstantRange } from '../domain/calendar.js';
import type { FieldViolation } from '../domain/failure.js';
import { MICROS_PER_SECOND } from '../domain/instant.js';
import type {
  Flow,
  GetThroughputRequest,
  GetThroughputResponse,
  Throughput,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Filter } from '../generated/proto/sms/analytics/v1/common.js';
import { selectAnswerState } from '../store/postgres/select-answer-state.js';
import {
  type FlowSums,
  selectThroughput,
  type ThroughputSums,
} from '../store/postgres/select-throughput.js';
import { bucketOf, metaOf, timestampOf } from './answer-parts.js';
import type { Prepared } from './context.js';
import { readFresh } from './fresh-read.js';
import type { Freshness } from './periods.js';
import { checkIds, readPeriod } from './read-question.js';
import { assertValid, limitsOf, type Sources, throughputRules } from './sources.js';

/** @throws {InvalidQuestion} with every wrong field, before anything is read */
export function prepareThroughput(
  sources: Sources,
  request: GetThroughputRequest,
): Prepared<GetThroughputResponse> {
  const violations: FieldViolation[] = [];
  const question = readPeriod(request, throughputRules(sources), violations);
  const operatorIds = readOperators(request.filter, violations);
  assertValid(question, violations);
  const { range, granularity, weekStart } = question;

  return (context) =>
    sources.platformPool.read(limitsOf(sources, context), async (snapshot) => {
      const edges = bucketEdges(range, granularity, range.zone, weekStart);
      const { fresh, figures: sums } = await readFresh(
        sources,
        selectAnswerState(snapshot),
        ({ state }) => selectThroughput(snapshot, state.generation, edges, operatorIds),
      );
      const buckets = edges.slice(1).map((end, i) => ({ start: edges[i] as number, end }));
      return {
        meta: metaOf(range, fresh),
        total: throughputOf([...sums.values()], range, fresh),
        series:
          granularity === 'total'
            ? []
            : buckets.map((bucket, i) => {
                const own = sums.get(i);
                return {
                  bucket: bucketOf(bucket, fresh),
                  throughput: throughputOf(own === undefined ? [] : [own], bucket, fresh),
                };
              }),
      };
    });
}

/** The operators of the filter, undefined for all; anything else in it is a violation. */
function readOperators(
  filter: Filter | undefined,
  violations: FieldViolation[],
): string[] | undefined {
  if (filter === undefined) return undefined;
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
  return filter.operatorIds.length > 0 ? filter.operatorIds : undefined;
}

function throughputOf(
  sums: readonly ThroughputSums[],
  range: InstantRange,
  fresh: Freshness,
): Throughput {
  return {
    accepted: flowOf(
      sums.map((sum) => sum.accepted),
      range,
      fresh,
    ),
    completed: flowOf(
      sums.map((sum) => sum.completed),
      range,
      fresh,
    ),
  };
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

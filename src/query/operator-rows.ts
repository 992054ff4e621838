/** The rows of one page of operators: everything that is answered of an operator, read for the page only. */
import { addCounts, noCounts } from '../domain/counts.js';
import { addMoney } from '../domain/money.js';
import { addBins, percentilesOf } from '../domain/percentile.js';
import { rateOf } from '../domain/rates.js';
import { errorClassOf } from '../domain/reasons.js';
import type {
  OperatorRow,
  ReasonCount,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Snapshot } from '../store/postgres/pool.js';
import { selectOperatorLatency } from '../store/postgres/select-latency.js';
import { selectOperatorMoney } from '../store/postgres/select-money.js';
import { selectOperatorOutcomes } from '../store/postgres/select-outcomes.js';
import { type ReasonMessages, selectReasons } from '../store/postgres/select-reasons.js';
import { bucketOf, countsAndRates, latencyOf, moneyOf } from './answer-parts.js';
import { comparisonOf } from './comparison-answer.js';
import { protoErrorClassOf } from './dimensions.js';
import { type Freshness, foldSlots, type Periods, type Slots, withoutSeries } from './periods.js';
import type { OperatorTotal } from './rank-operators.js';
import type { PeriodQuestion } from './read-question.js';

const TOP_REASONS = 5;

/** One row for each operator of `page`, in its order. `accepted` is what their shares are of. */
export async function readOperatorRows(
  snapshot: Snapshot,
  question: PeriodQuestion,
  { current, earlier }: Periods,
  page: readonly OperatorTotal[],
  accepted: bigint,
  fresh: Freshness,
): Promise<OperatorRow[]> {
  if (page.length === 0) return [];
  const ids = page.map((operator) => operator.operatorId);
  const figuresOf = await readFigures(snapshot, current, ids);
  const reasons = await selectReasons(snapshot, withoutSeries(current), ids);
  const beforeOf = earlier && (await readFigures(snapshot, earlier, ids));
  return ids.map((operatorId) => {
    const { counts, bins, money } = figuresOf(operatorId);
    const before = beforeOf?.(operatorId);
    return {
      operatorId,
      ...countsAndRates(counts.total),
      latency: latencyOf(percentilesOf(bins.total)),
      topFailureReasons: topReasons(reasons.get(operatorId) ?? []),
      share: rateOf(counts.total.accepted, accepted),
      money: moneyOf(money.total, counts.total.delivered),
      series:
        question.granularity === 'total'
          ? []
          : current.buckets.map((bucket, i) => ({
              bucket: bucketOf(bucket, fresh),
              ...countsAndRates(counts.buckets[i] ?? noCounts()),
              latency: latencyOf(percentilesOf(bins.buckets[i] ?? new Map())),
            })),
      comparison:
        before &&
        comparisonOf(
          earlier?.buckets[0] ?? question.range,
          question.range.zone,
          { counts: before.counts.total, bins: before.bins.total, money: before.money.total },
          { counts: counts.compared, bins: bins.compared, money: money.compared },
        ),
    };
  });
}

async function readFigures(snapshot: Snapshot, slots: Slots, ids: readonly string[]) {
  const outcomes = await selectOperatorOutcomes(snapshot, slots, ids);
  const latency = await selectOperatorLatency(snapshot, slots, ids);
  const sums = await selectOperatorMoney(snapshot, slots, ids);
  return (id: string) => ({
    counts: foldSlots(slots, outcomes.get(id), noCounts, addCounts),
    bins: foldSlots(slots, latency.get(id), () => new Map(), addBins),
    money: foldSlots(slots, sums.get(id), () => new Map(), addMoney),
  });
}

/** The most frequent first, equals by name; shares are of all failures and UNKNOWN. */
function topReasons(reasons: readonly ReasonMessages[]): ReasonCount[] {
  const all = reasons.reduce((sum, { messages }) => sum + messages, 0n);
  return [...reasons]
    .sort((left, right) =>
      left.messages === right.messages
        ? Number(left.reason > right.reason) - Number(left.reason < right.reason)
        : Number(right.messages > left.messages) - Number(right.messages < left.messages),
    )
    .slice(0, TOP_REASONS)
    .map(({ reason, messages }) => ({
      reason,
      errorClass: protoErrorClassOf(errorClassOf(reason)),
      messages,
      share: rateOf(messages, all),
    }));
}

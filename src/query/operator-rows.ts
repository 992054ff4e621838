/** The rows of one page of operators: everything that is answered of an operator, read for the page only. */
import { addCounts, noCounts } from '../domain/counts.js';
import { addMoney } from '../domain/money.js';
import { addBins, noBins, percentilesOf } from '../domain/percentile.js';
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
import type { SlotMemory } from '../store/postgres/slot-memory.js';
import { bucketOf, countsAndRates, latencyOf, moneyOf } from './answer-parts.js';
import { comparisonOf } from './comparison-answer.js';
import { protoErrorClassOf } from './dimensions.js';
import { type Freshness, foldSlots, type Periods, type Slots, withoutSeries } from './periods.js';
import type { OperatorTotal } from './rank-operators.js';
import type { PeriodQuestion } from './read-question.js';

const TOP_REASONS = 5;

/** What rows of operators are made of. */
export type OperatorFigures = Awaited<ReturnType<typeof readOperatorFigures>>;

/** Reads the figures of some operators, in one round trip. */
export async function readOperatorFigures(
  snapshot: Snapshot,
  { current, earlier }: Periods,
  ids: readonly string[],
  histograms: SlotMemory,
) {
  if (ids.length === 0) return undefined;
  const [figuresOf, reasons, beforeOf] = await Promise.all([
    readFigures(snapshot, current, ids, histograms),
    selectReasons(snapshot, withoutSeries(current), ids),
    earlier && readFigures(snapshot, earlier, ids, histograms),
  ]);
  return { figuresOf, reasons, beforeOf };
}

/** One row for each operator of `page`, in its order. `accepted` is what their shares are of. */
export function operatorRows(
  question: PeriodQuestion,
  { current, earlier }: Periods,
  page: readonly OperatorTotal[],
  figures: OperatorFigures,
  accepted: bigint,
  fresh: Freshness,
): OperatorRow[] {
  if (figures === undefined) return [];
  const { figuresOf, reasons, beforeOf } = figures;
  return page.map(({ operatorId }) => {
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
              latency: latencyOf(percentilesOf(bins.buckets[i] ?? noBins())),
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

async function readFigures(
  snapshot: Snapshot,
  slots: Slots,
  ids: readonly string[],
  histograms: SlotMemory,
) {
  const [outcomes, latency, sums] = await Promise.all([
    selectOperatorOutcomes(snapshot, slots, ids),
    selectOperatorLatency(snapshot, slots, ids, histograms),
    selectOperatorMoney(snapshot, slots, ids),
  ]);
  return (id: string) => ({
    counts: foldSlots(slots, outcomes.get(id), noCounts, addCounts),
    bins: foldSlots(slots, latency.get(id), noBins, addBins),
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

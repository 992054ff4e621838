/** GetSummary: what became of all traffic and money. */
import { addCounts, noCounts } from '../domain/counts.js';
import type { FieldViolation } from '../domain/failure.js';
import { addMoney } from '../domain/money.js';
import { addBins, percentilesOf } from '../domain/percentile.js';
import type {
  GetSummaryRequest,
  GetSummaryResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Snapshot } from '../store/postgres/pool.js';
import { selectActiveAccounts } from '../store/postgres/select-active.js';
import { selectAnswerState } from '../store/postgres/select-answer-state.js';
import { selectLatency } from '../store/postgres/select-latency.js';
import { selectMoney } from '../store/postgres/select-money.js';
import { selectOperatorOutcomes, selectOutcomes } from '../store/postgres/select-outcomes.js';
import { bucketOf, countsAndRates, latencyOf, metaOf, moneyOf } from './answer-parts.js';
import { comparisonOf } from './comparison-answer.js';
import type { Prepared } from './context.js';
import { foldSlots, freshnessOf, planPeriods, type Slots, withoutSeries } from './periods.js';
import { readPeriod } from './read-question.js';
import { assertValid, limitsOf, rollupRules, type Sources } from './sources.js';

/** @throws {InvalidQuestion} with every wrong field, before anything is read */
export function prepareSummary(
  sources: Sources,
  request: GetSummaryRequest,
): Prepared<GetSummaryResponse> {
  const rules = rollupRules(sources);
  const violations: FieldViolation[] = [];
  const question = readPeriod(request, rules, violations);
  assertValid(question, violations);

  return (context) =>
    sources.platformPool.read(limitsOf(sources, context), async (snapshot) => {
      const state = await selectAnswerState(snapshot);
      const fresh = freshnessOf(state, sources.settleHours);
      const { current, earlier } = planPeriods(question, fresh, rules.retainedFrom);
      const read = await readFigures(snapshot, current);
      const before = earlier && (await readFigures(snapshot, earlier));
      const { counts, bins, money } = read;
      return {
        meta: metaOf(question.range, fresh),
        ...countsAndRates(counts.total),
        latency: latencyOf(percentilesOf(bins.total)),
        money: moneyOf(money.total, counts.total.delivered),
        ...(await countActive(snapshot, current)),
        series:
          question.granularity === 'total'
            ? []
            : current.buckets.map((bucket, i) => {
                const own = counts.buckets[i] ?? noCounts();
                return {
                  bucket: bucketOf(bucket, fresh),
                  ...countsAndRates(own),
                  latency: latencyOf(percentilesOf(bins.buckets[i] ?? new Map())),
                  money: moneyOf(money.buckets[i] ?? new Map(), own.delivered),
                };
              }),
        comparison:
          before &&
          comparisonOf(
            earlier.buckets[0] ?? question.range,
            question.range.zone,
            { counts: before.counts.total, bins: before.bins.total, money: before.money.total },
            { counts: counts.compared, bins: bins.compared, money: money.compared },
          ),
      };
    });
}

async function readFigures(snapshot: Snapshot, slots: Slots) {
  return {
    counts: foldSlots(slots, await selectOutcomes(snapshot, slots), noCounts, addCounts),
    bins: foldSlots(slots, await selectLatency(snapshot, slots), () => new Map(), addBins),
    money: foldSlots(slots, await selectMoney(snapshot, slots), () => new Map(), addMoney),
  };
}

async function countActive(snapshot: Snapshot, slots: Slots) {
  const [start, end] = [slots.edges[0] as number, slots.edges.at(-1) as number];
  const operators = await selectOperatorOutcomes(snapshot, withoutSeries(slots), undefined);
  let activeOperators = 0n;
  for (const bySlot of operators.values()) {
    if ([...bySlot.values()].some((counts) => counts.accepted > 0n)) activeOperators++;
  }
  const activeAccounts = await selectActiveAccounts(snapshot, slots.generation, start, end);
  return { activeAccounts, activeOperators };
}

/** GetSummary: what became of all traffic and money. */
import { addCounts, noCounts } from '../domain/counts.js';
import type { FieldViolation } from '../domain/failure.js';
import { addMoney } from '../domain/money.js';
import { addBins, noBins, percentilesOf } from '../domain/percentile.js';
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
import { readFresh } from './fresh-read.js';
import { foldSlots, planPeriods, type Slots, withoutSeries } from './periods.js';
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
      const { fresh, figures } = await readFresh(
        sources,
        selectAnswerState(snapshot),
        async (assumed) => {
          const periods = planPeriods(question, assumed, rules.retainedFrom);
          const [read, before, active] = await Promise.all([
            readFigures(snapshot, periods.current, sources),
            periods.earlier && readFigures(snapshot, periods.earlier, sources),
            countActive(snapshot, periods.current, sources),
          ]);
          return { ...periods, read, before, active };
        },
      );
      const { current, earlier, before, active } = figures;
      const { counts, bins, money } = figures.read;
      return {
        meta: metaOf(question.range, fresh),
        ...countsAndRates(counts.total),
        latency: latencyOf(percentilesOf(bins.total)),
        money: moneyOf(money.total, counts.total.delivered),
        ...active,
        series:
          question.granularity === 'total'
            ? []
            : current.buckets.map((bucket, i) => {
                const own = counts.buckets[i] ?? noCounts();
                return {
                  bucket: bucketOf(bucket, fresh),
                  ...countsAndRates(own),
                  latency: latencyOf(percentilesOf(bins.buckets[i] ?? noBins())),
                  money: moneyOf(money.buckets[i] ?? new Map(), own.delivered),
                };
              }),
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

async function readFigures(snapshot: Snapshot, slots: Slots, { histograms }: Sources) {
  const [outcomes, latency, sums] = await Promise.all([
    selectOutcomes(snapshot, slots),
    selectLatency(snapshot, slots, histograms),
    selectMoney(snapshot, slots),
  ]);
  return {
    counts: foldSlots(slots, outcomes, noCounts, addCounts),
    bins: foldSlots(slots, latency, noBins, addBins),
    money: foldSlots(slots, sums, () => new Map(), addMoney),
  };
}

async function countActive(snapshot: Snapshot, slots: Slots, { accounts }: Sources) {
  const [start, end] = [slots.edges[0] as number, slots.edges.at(-1) as number];
  const [operators, activeAccounts] = await Promise.all([
    selectOperatorOutcomes(snapshot, withoutSeries(slots), undefined),
    selectActiveAccounts(snapshot, slots.generation, start, end, accounts),
  ]);
  let activeOperators = 0n;
  for (const bySlot of operators.values()) {
    if ([...bySlot.values()].some((counts) => counts.accepted > 0n)) activeOperators++;
  }
  return { activeAccounts, activeOperators };
}

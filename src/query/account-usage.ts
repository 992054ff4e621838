/**
 * GetAccountUsage: what one account used. Three guards keep it to that account, each sufficient alone:
 * the comparison here (after the interceptor's), the predicate of every statement, and row-level
 * security under a role of its own. The account comes from the caller's scope, never from the request.
 */
import { addCounts, noCounts } from '../domain/counts.js';
import { type FieldViolation, OutOfScope } from '../domain/failure.js';
import { addMoney } from '../domain/money.js';
import { noBins } from '../domain/percentile.js';
import {
  type GetAccountUsageRequest,
  GetAccountUsageResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Snapshot } from '../store/postgres/pool.js';
import { selectAnswerStateFor } from '../store/postgres/select-answer-state.js';
import { selectAccountMoney } from '../store/postgres/select-money.js';
import { selectAccountOutcomes } from '../store/postgres/select-outcomes.js';
import { bucketOf, countsAndRates, metaOf, moneyOf, stateOf } from './answer-parts.js';
import { comparisonOf } from './comparison-answer.js';
import type { Prepared, QueryContext } from './context.js';
import { readFresh } from './fresh-read.js';
import { foldSlots, planPeriods, type Slots } from './periods.js';
import { encoded } from './points.js';
import { checkIds, readPeriod } from './read-question.js';
import { assertValid, limitsOf, rollupRules, type Sources } from './sources.js';

/**
 * @throws {OutOfScope} the caller has no account, or another one
 * @throws {InvalidQuestion} with every wrong field, before anything is read
 */
export function prepareAccountUsage(
  sources: Sources,
  request: GetAccountUsageRequest,
  { accountId }: QueryContext,
): Prepared<GetAccountUsageResponse> {
  if (accountId === undefined || accountId !== request.accountId) throw new OutOfScope();
  const rules = rollupRules(sources);
  const violations: FieldViolation[] = [];
  checkIds('account_id', [accountId], violations);
  const question = readPeriod(request, rules, violations);
  assertValid(question, violations);

  return (context) =>
    sources.accountPool.read(limitsOf(sources, context), async (snapshot) => {
      const { fresh, figures } = await readFresh(
        sources,
        selectAnswerStateFor(snapshot, accountId),
        async (assumed) => {
          const periods = planPeriods(question, assumed, rules.retainedFrom);
          const [read, before] = await Promise.all([
            readFigures(snapshot, periods.current, accountId),
            periods.earlier && readFigures(snapshot, periods.earlier, accountId),
          ]);
          return { ...periods, read, before };
        },
      );
      const { current, earlier, before } = figures;
      const { counts, money } = figures.read;
      const meta = metaOf(question.range, fresh);
      const answer: GetAccountUsageResponse = {
        meta,
        accountId,
        ...countsAndRates(counts.total),
        money: moneyOf(money.total, counts.total.delivered),
        series:
          question.granularity === 'total'
            ? []
            : current.buckets.map((bucket, i) => {
                const own = counts.buckets[i] ?? noCounts();
                return {
                  bucket: bucketOf(bucket, stateOf(bucket, fresh)),
                  ...countsAndRates(own),
                  money: moneyOf(money.buckets[i] ?? new Map(), own.delivered),
                };
              }),
        comparison:
          before &&
          comparisonOf(
            earlier?.buckets[0] ?? question.range,
            question.range.zone,
            { bins: noBins(), counts: before.counts.total, money: before.money.total },
            { bins: noBins(), counts: counts.compared, money: money.compared },
          ),
      };
      const bytes = encoded(GetAccountUsageResponse, answer);
      return { bytes, revision: meta.revision };
    });
}

async function readFigures(snapshot: Snapshot, slots: Slots, accountId: string) {
  const [outcomes, sums] = await Promise.all([
    selectAccountOutcomes(snapshot, slots, accountId),
    selectAccountMoney(snapshot, slots, accountId),
  ]);
  return {
    counts: foldSlots(slots, outcomes, noCounts, addCounts),
    money: foldSlots(slots, sums, () => new Map(), addMoney),
  };
}

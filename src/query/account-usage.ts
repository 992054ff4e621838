/**
 * GetAccountUsage: what one account used. Three guards keep it to that account, each sufficient alone:
 * the comparison here (after the interceptor's), the predicate of every statement, and row-level
 * security under a role of its own. The account comes from the caller's scope, never from the request.
 */
import { addCounts, type Counts, noCounts } from '../domain/counts.js';
import { type FieldViolation, OutOfScope } from '../domain/failure.js';
import { addCurrency, type CurrencySums } from '../domain/money.js';
import { noBins } from '../domain/percentile.js';
import {
  type GetAccountUsageRequest,
  GetAccountUsageResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import { type AccountUsage, selectAccountUsage } from '../store/postgres/select-account-usage.js';
import { type AccountFigures, accountPoint } from './account-point.js';
import { countsAndRates, metaOf, moneyList, stateOf } from './answer-parts.js';
import { comparisonOf } from './comparison-answer.js';
import type { Prepared, QueryContext } from './context.js';
import { readFresh } from './fresh-read.js';
import {
  type Adding,
  bucketAt,
  type Folded,
  type Freshness,
  foldSlots,
  planPeriods,
  type Slots,
} from './periods.js';
import { encodedSeries } from './points.js';
import { checkIds, readPeriod } from './read-question.js';
import { assertValid, rollupRules, type Sources } from './sources.js';

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

  return async (context) => {
    const options = { accountId, atOnce: true };
    const read = await readFresh(sources, context, (assumed, limits) =>
      sources.accountPool.read(
        limits,
        async (snapshot) => {
          const { current, earlier } = planPeriods(question, assumed, rules.retainedFrom);
          const [usage, before] = await Promise.all([
            selectAccountUsage(snapshot, current, accountId),
            earlier && selectAccountUsage(snapshot, earlier, accountId),
          ]);
          return { current, earlier, usage, before, state: usage.state };
        },
        options,
      ),
    );
    // From here on nothing waits: what an answer is made of is gone before the next one is made.
    const { fresh, current, earlier } = read;
    const usage = usageOf(current, read.usage);
    const before = earlier && read.before && usageOf(earlier, read.before);
    const { counts, money } = usage;
    const meta = metaOf(question.range, fresh);
    const answer: GetAccountUsageResponse = {
      meta,
      accountId,
      ...countsAndRates(counts.total),
      money: moneyList(money.total, counts.total.delivered),
      series: [],
      comparison:
        before &&
        comparisonOf(
          bucketAt(earlier, 0),
          question.range.zone,
          comparedOf(before.counts.total, before.money.total),
          comparedOf(counts.compared, money.compared),
        ),
    };
    const points = question.granularity === 'total' ? [] : pointsOf(current, usage, fresh);
    const bytes = encodedSeries(GetAccountUsageResponse, answer, SERIES, points);
    return { bytes, revision: meta.revision };
  };
}

/** The field `series` of GetAccountUsageResponse. */
const SERIES = { number: 6, message: accountPoint };

/** One point for each bucket, made when it is asked for: an answer has hundreds. */
function* pointsOf(
  slots: Slots,
  { counts, money }: Usage,
  fresh: Freshness,
): Iterable<AccountFigures> {
  for (let i = 0; i < counts.buckets.length; i++) {
    const range = bucketAt(slots, i);
    const own = counts.buckets[i] ?? noCounts();
    yield {
      range,
      state: stateOf(range, fresh),
      counts: own,
      money: moneyList(money.buckets[i] ?? [], own.delivered),
    };
  }
}

interface Usage {
  readonly counts: Folded<Counts>;
  readonly money: Folded<CurrencySums[]>;
}

const COUNTS: Adding<Counts, Counts> = { none: noCounts, of: (counts) => counts, add: addCounts };
const MONEY: Adding<CurrencySums[], CurrencySums> = {
  none: () => [],
  of: (sums) => [sums],
  add: addCurrency,
};

function usageOf(slots: Slots, read: AccountUsage): Usage {
  return {
    counts: foldSlots(slots, COUNTS, (each) => read.counts(each)),
    money: foldSlots(slots, MONEY, (each) => read.money(each)),
  };
}

/** What a comparison is made of; accounts have no latency. */
function comparedOf(counts: Counts, money: readonly CurrencySums[]) {
  return { bins: noBins(), counts, money: new Map(money.map((sums) => [sums.currency, sums])) };
}

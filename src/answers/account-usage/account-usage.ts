// GetAccountUsage: what one account used. The predicate of every statement keeps it to the account
// of the caller's scope, row-level security under a role of its own to the account that a second
// reading of the call found; each keeps other rows out alone. Before both, the question, the scope
// and the second reading must name one account. That comparison filters no rows: without the two
// behind it, it shows everything.
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { type FieldViolation, OutOfScope } from '../../domain/failure.js';
import { CountTable } from '../../domain/measures/count-table.js';
import type { Counts } from '../../domain/measures/counts.js';
import { addCurrency, type CurrencySums } from '../../domain/measures/money.js';
import { noBins } from '../../domain/measures/percentile.js';
import {
  type GetAccountUsageRequest,
  GetAccountUsageResponse,
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import { readFresh } from '../freshness/fresh-read.js';
import { assertValid, rollupRules, type Sources } from '../freshness/sources.js';
import { comparisonOf } from '../question/comparison-answer.js';
import type { Prepared, QueryContext } from '../question/context.js';
import {
  bucketAt,
  type Freshness,
  firstSlotOf,
  planPeriods,
  type Slots,
} from '../question/periods.js';
import { checkIds, readPeriod } from '../question/read-question.js';
import { countsAndRates, metaOf, moneyList, stateOf } from '../wire/answer-parts.js';
import { encodedWith, LEN } from '../wire/points.js';
import { writeAccountPoint } from './account-point.js';
import { type AccountUsage, selectAccountUsage } from './select-account-usage.js';

/**
 * @throws {OutOfScope} the caller has no account, or another one, by either reading
 * @throws {InvalidQuestion} with every wrong field, before anything is read
 */
export function prepareAccountUsage(
  sources: Sources,
  request: GetAccountUsageRequest,
  { accountId, rowAccountId }: QueryContext,
): Prepared<GetAccountUsageResponse> {
  if (accountId === undefined || accountId !== request.accountId) throw new OutOfScope();
  if (rowAccountId !== request.accountId) throw new OutOfScope();
  const rules = rollupRules(sources);
  const violations: FieldViolation[] = [];
  checkIds('account_id', [accountId], violations);
  const question = readPeriod(request, rules, violations);
  assertValid(question, violations);

  return async (context) => {
    const options = { accountId: rowAccountId, atOnce: true };
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
    const before = earlier && read.before && usageOf(earlier, read.before);
    const usage = usageOf(current, read.usage);
    const meta = metaOf(question.range, fresh);
    const answer: GetAccountUsageResponse = {
      meta,
      accountId,
      ...countsAndRates(usage.total.counts),
      money: moneyList(usage.total.money, usage.total.counts.delivered),
      series: [],
      comparison: comparisonOf(
        { current, earlier },
        question.range.zone,
        before && comparedOf(before.total),
        comparedOf(usage.compared),
      ),
    };
    const bytes = encodedWith(GetAccountUsageResponse, answer, (writer) => {
      if (question.granularity !== 'total') writeSeries(writer, current, usage.money, fresh);
    });
    return { bytes, revision: meta.revision };
  };
}

/** Counts by slot: of the latest `usageOf`. */
const table = new CountTable();

interface Sums {
  readonly counts: Counts;
  readonly money: readonly CurrencySums[];
}

interface Usage {
  readonly total: Sums;
  /** Over the part that is compared. */
  readonly compared: Sums;
  /** By slot. */
  readonly money: SlotMoney;
}

type SlotMoney = (CurrencySums[] | undefined)[];

function usageOf({ edges, slotsBeforeCut }: Slots, read: AccountUsage): Usage {
  const slots = edges.length - 1;
  table.clear(slots);
  read.counts(table);
  const money: SlotMoney = new Array(slots);
  read.money((slot, sums) => {
    const own = money[slot];
    if (own === undefined) money[slot] = [sums];
    else addCurrency(own, sums);
  });
  const sumsTo = (end: number): Sums => ({
    counts: table.sum(0, end),
    money: sumOf(money.slice(0, end)),
  });
  const total = sumsTo(slots);
  return { total, compared: slotsBeforeCut === slots ? total : sumsTo(slotsBeforeCut), money };
}

function sumOf(money: SlotMoney): CurrencySums[] {
  const sum: CurrencySums[] = [];
  for (const list of money) for (const one of list ?? []) addCurrency(sum, one);
  return sum;
}

/** The field `series` of GetAccountUsageResponse. */
const SERIES = 6;

/**
 * One point for each bucket, from the counts in `table`; each is written as it is made, as an
 * answer has hundreds.
 */
function writeSeries(writer: BinaryWriter, slots: Slots, money: SlotMoney, fresh: Freshness): void {
  for (let bucket = 0; bucket < slots.bucketEdges.length - 1; bucket++) {
    const range = bucketAt(slots, bucket);
    const first = firstSlotOf(slots, bucket);
    const end = firstSlotOf(slots, bucket + 1);
    for (let slot = first + 1; slot < end; slot++) table.addRow(first, slot);
    const sums = end - first === 1 ? (money[first] ?? []) : sumOf(money.slice(first, end));
    writer.tag(SERIES, LEN).fork();
    writeAccountPoint(writer, range, stateOf(range, fresh), table, first, sums);
    writer.join();
  }
}

/** What a comparison is made of; accounts have no latency. */
function comparedOf({ counts, money }: Sums) {
  return { bins: noBins(), counts, money: new Map(money.map((sums) => [sums.currency, sums])) };
}

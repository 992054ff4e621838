// GetSummary: what became of all traffic and money.
import type { FieldViolation } from '../../domain/failure.js';
import { percentilesOf } from '../../domain/measures/percentile.js';
import {
  type GetSummaryRequest,
  GetSummaryResponse,
  SummaryPoint,
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import { joined, partOf } from '../../platform/parts.js';
import { activeAccountsKind, activeOperatorsKind } from '../figures/select-active.js';
import { figuresKind, type SlotFigures, sumOf } from '../figures/select-figures.js';
import { piecesOf } from '../figures/select-outcome-cells.js';
import { readTotals } from '../figures/totals.js';
import { allOf, answerFrom, NotRemembered, type Reading } from '../freshness/reading.js';
import { assertValid, rollupRules, type Sources } from '../freshness/sources.js';
import { countActive } from '../memory/active-ids.js';
import { comparisonOf } from '../question/comparison-answer.js';
import type { Prepared } from '../question/context.js';
import { planPeriods } from '../question/periods.js';
import { readPeriod } from '../question/read-question.js';
import { countsAndRates, latencyOf, metaOf, moneyOf } from '../wire/answer-parts.js';
import { encoded, type SeriesField, seriesParts } from '../wire/points.js';

const SERIES: SeriesField<SlotFigures, SummaryPoint> = {
  number: 8,
  message: SummaryPoint,
  pointOf: (bucket, values) => {
    const { counts, bins, money } = sumOf(values);
    return {
      bucket,
      ...countsAndRates(counts),
      latency: latencyOf(percentilesOf(bins)),
      money: moneyOf(money, counts.delivered),
    };
  },
};

/** @throws {InvalidQuestion} with every wrong field, before anything is read */
export function prepareSummary(
  sources: Sources,
  request: GetSummaryRequest,
): Prepared<GetSummaryResponse> {
  const rules = rollupRules(sources);
  const violations: FieldViolation[] = [];
  const question = readPeriod(request, rules, violations);
  assertValid(question, violations);
  const { range, granularity } = question;

  return (context) =>
    answerFrom(sources, context, async (reading) => {
      const { fresh } = reading;
      const periods = planPeriods(question, fresh, rules.retainedFrom);
      const { current, earlier } = periods;
      // The series first: totals are made of its hours.
      const read = await allOf([
        granularity === 'total' ? undefined : reading.get(figuresKind, current, ['']),
        readTotals(reading, current, ['']),
        earlier && readTotals(reading, earlier, ['']),
        countActives(reading, current),
      ]);
      if (read instanceof NotRemembered) return read;
      const [series, now, before, active] = read;
      const { total, compared } = now('');
      const meta = metaOf(range, fresh);
      const answer: GetSummaryResponse = {
        meta,
        ...countsAndRates(total.counts),
        latency: latencyOf(percentilesOf(total.bins)),
        money: moneyOf(total.money, total.counts.delivered),
        ...active,
        series: [],
        comparison: comparisonOf(periods, range.zone, before?.('').total, compared),
      };
      const points = series ? seriesParts(SERIES, current, series.get('') ?? [], fresh) : [];
      const bytes = joined([partOf(encoded(GetSummaryResponse, answer)), ...points]);
      return { bytes, revision: meta.revision };
    });
}

/** Accounts and operators with an accepted message. */
async function countActives(
  reading: Reading,
  range: Parameters<typeof piecesOf>[0],
): Promise<{ activeAccounts: bigint; activeOperators: bigint } | NotRemembered> {
  const pieces = piecesOf(range);
  const read = await allOf([
    reading.get(activeAccountsKind, pieces, ['']),
    reading.get(activeOperatorsKind, pieces, ['']),
  ]);
  if (read instanceof NotRemembered) return read;
  const [accounts, operators] = read;
  return {
    activeAccounts: countActive(accounts.get('') ?? []),
    activeOperators: countActive(operators.get('') ?? []),
  };
}

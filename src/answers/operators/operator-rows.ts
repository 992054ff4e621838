// The rows of one page of operators: everything that is answered of an operator, read for the page
// only.
import type { ReasonCounts } from '../../domain/measures/figures.js';
import { percentilesOf } from '../../domain/measures/percentile.js';
import { rateOf } from '../../domain/measures/rates.js';
import { errorClassOf } from '../../domain/message/reasons.js';
import {
  OperatorPoint,
  OperatorRow,
  type ReasonCount,
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import { type Part, partOf } from '../../platform/parts.js';
import { type SlotFigures, sumOf } from '../figures/select-figures.js';
import { comparisonOf } from '../question/comparison-answer.js';
import { protoErrorClassOf } from '../question/dimensions.js';
import type { PeriodQuestion } from '../question/read-question.js';
import { countsAndRates, latencyOf, moneyOf } from '../wire/answer-parts.js';
import { encoded, fieldHeader, type SeriesField, seriesParts } from '../wire/points.js';
import type { OperatorPage } from './operator-page.js';

const TOP_REASONS = 5;
/** Field number of `rows` in GetOperatorPerformanceResponse. */
const ROWS = 2;

const SERIES: SeriesField<SlotFigures, OperatorPoint> = {
  number: 8,
  message: OperatorPoint,
  pointOf: (bucket, values) => {
    const { counts, bins } = sumOf(values);
    return { bucket, ...countsAndRates(counts), latency: latencyOf(percentilesOf(bins)) };
  },
};

/** The row of one operator of a page, in parts. */
export function operatorRowParts(
  operatorId: string,
  page: OperatorPage,
  { range }: PeriodQuestion,
): Part[] {
  const { periods } = page;
  const { total, compared } = page.now(operatorId);
  const before = page.before?.(operatorId).total;
  const series = page.series?.get(operatorId);
  const { reasons } = sumOf(page.reasons.get(operatorId) ?? []);
  const row: OperatorRow = {
    operatorId,
    ...countsAndRates(total.counts),
    latency: latencyOf(percentilesOf(total.bins)),
    topFailureReasons: topReasons(reasons),
    share: rateOf(total.counts.accepted, page.counts.accepted),
    money: moneyOf(total.money, total.counts.delivered),
    series: [],
    comparison: comparisonOf(periods, range.zone, before, compared),
  };
  const parts = [
    partOf(encoded(OperatorRow, row)),
    ...(series ? seriesParts(SERIES, periods.current, series, page.fresh) : []),
  ];
  return [fieldHeader(ROWS, parts), ...parts];
}

/**
 * Failures and UNKNOWN: the most frequent reasons first, equals by name; shares are of all of them.
 */
function topReasons(reasons: ReasonCounts): ReasonCount[] {
  const all = [...reasons.values()].reduce((sum, messages) => sum + messages, 0n);
  return [...reasons]
    .sort(([leftName, left], [rightName, right]) =>
      left === right
        ? Number(leftName > rightName) - Number(leftName < rightName)
        : Number(right > left) - Number(right < left),
    )
    .slice(0, TOP_REASONS)
    .map(([reason, messages]) => ({
      reason,
      errorClass: protoErrorClassOf(errorClassOf(reason)),
      messages,
      share: rateOf(messages, all),
    }));
}

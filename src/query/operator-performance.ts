/** GetOperatorPerformance: how operators perform, ranked; rows and other add up to the counts. */
import { bucketEdges } from '../domain/calendar.js';
import { addCounts, type Counts, noCounts, subtractCounts } from '../domain/counts.js';
import type { FieldViolation } from '../domain/failure.js';
import { readOrder } from '../domain/ordering.js';
import { addBins, noBins } from '../domain/percentile.js';
import { rateOf } from '../domain/rates.js';
import {
  GetOperatorPerformanceRequest,
  type GetOperatorPerformanceResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Snapshot } from '../store/postgres/pool.js';
import { selectAnswerState } from '../store/postgres/select-answer-state.js';
import { selectEveryOperatorLatency } from '../store/postgres/select-latency.js';
import { selectOperatorOutcomes } from '../store/postgres/select-outcomes.js';
import { countsAndRates, metaOf } from './answer-parts.js';
import type { Prepared } from './context.js';
import { readFresh } from './fresh-read.js';
import { operatorRows, readOperatorFigures } from './operator-rows.js';
import { pageTokenOf, questionDigest, readPageToken } from './page-token.js';
import { planPeriods, type Slots, withoutSeries } from './periods.js';
import {
  DEFAULT_OPERATOR_ORDER,
  OPERATOR_ORDER_FIELDS,
  type OperatorTotal,
  ordersByLatency,
  rankOperators,
} from './rank-operators.js';
import { checkIds, type PeriodQuestion, readPageSize, readPeriod } from './read-question.js';
import { assertValid, limitsOf, rollupRules, type Sources } from './sources.js';

const DEFAULT_PAGE_SIZE = 25;
const MAX_PAGE_SIZE = 200;
/** Buckets of all rows of one page, together. */
const MAX_POINTS = 25_000;

/** @throws {InvalidQuestion} with every wrong field, before anything is read */
export function prepareOperatorPerformance(
  sources: Sources,
  request: GetOperatorPerformanceRequest,
): Prepared<GetOperatorPerformanceResponse> {
  const rules = rollupRules(sources);
  const violations: FieldViolation[] = [];
  const question = readPeriod(request, rules, violations);
  const only = request.operatorId === '' ? undefined : request.operatorId;
  if (only !== undefined) checkIds('operator_id', [only], violations);
  const { orderBy } = request;
  const order = readOrder(orderBy, OPERATOR_ORDER_FIELDS, DEFAULT_OPERATOR_ORDER, violations);
  const pageSize = readPageSize(request.pageSize, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, violations);
  const digest = digestOf(request);
  const offset = readPageToken(request.pageToken, digest, violations);
  if (question) checkPoints(question, only === undefined ? pageSize : 1, violations);
  assertValid(question, violations);

  const { histograms } = sources;
  return (context) =>
    sources.platformPool.read(limitsOf(sources, context), async (snapshot) => {
      const end = offset + pageSize;
      const { fresh, figures } = await readFresh(
        sources,
        selectAnswerState(snapshot),
        async (assumed) => {
          const periods = planPeriods(question, assumed, rules.retainedFrom);
          const whole = withoutSeries(periods.current);
          // Whose figures are read is known beforehand, or only when all are ranked.
          const [all, own] = await Promise.all([
            readTotals(snapshot, whole, ordersByLatency(order)),
            only === undefined
              ? undefined
              : readOperatorFigures(snapshot, periods, [only], histograms),
          ]);
          const page =
            only === undefined ? rankOperators(all, order).slice(offset, end) : pick(all, only);
          const ids = page.map((operator) => operator.operatorId);
          const of = own ?? (await readOperatorFigures(snapshot, periods, ids, histograms));
          return { periods, all, page, of };
        },
      );
      const { all, page } = figures;
      const counts = noCounts();
      for (const operator of all) addCounts(counts, operator.counts);
      const rows = operatorRows(
        question,
        figures.periods,
        page,
        figures.of,
        counts.accepted,
        fresh,
      );
      const others = all.length - page.filter((row) => row.counts.accepted > 0n).length;
      return {
        meta: metaOf(question.range, fresh),
        rows,
        other: others === 0 ? undefined : otherOf(others, counts, page),
        ...countsAndRates(counts),
        nextPageToken: only === undefined && end < all.length ? pageTokenOf(digest, end) : '',
        totalSize: all.length,
      };
    });
}

function checkPoints(
  { range, granularity, weekStart }: PeriodQuestion,
  rows: number,
  violations: FieldViolation[],
): void {
  const points = rows * (bucketEdges(range, granularity, range.zone, weekStart).length - 1);
  if (points <= MAX_POINTS) return;
  const description = `with this page_size makes ${points} points, more than ${MAX_POINTS}`;
  violations.push({ field: 'granularity', description });
}

function digestOf(request: GetOperatorPerformanceRequest): string {
  const bound = { ...request, pageSize: 0, pageToken: '' };
  const encoded = GetOperatorPerformanceRequest.encode(bound).finish();
  return questionDigest('GetOperatorPerformance', encoded);
}

/** Every operator with an accepted message. */
async function readTotals(
  snapshot: Snapshot,
  slots: Slots,
  withLatency: boolean,
): Promise<OperatorTotal[]> {
  const [outcomes, bins] = await Promise.all([
    selectOperatorOutcomes(snapshot, slots, undefined),
    withLatency ? selectEveryOperatorLatency(snapshot, slots) : undefined,
  ]);
  const operators: OperatorTotal[] = [];
  for (const [operatorId, bySlot] of outcomes) {
    const counts = noCounts();
    for (const part of bySlot.values()) addCounts(counts, part);
    if (counts.accepted === 0n) continue;
    const own = noBins();
    for (const part of bins?.get(operatorId)?.values() ?? []) addBins(own, part);
    operators.push({ operatorId, counts, bins: own });
  }
  return operators;
}

/** The one operator that was asked for, with zeros where it has no messages. */
function pick(all: readonly OperatorTotal[], operatorId: string): OperatorTotal[] {
  const found = all.find((operator) => operator.operatorId === operatorId);
  return [found ?? { operatorId, counts: noCounts(), bins: noBins() }];
}

function otherOf(operators: number, counts: Counts, page: readonly OperatorTotal[]) {
  const rest = page.reduce((left, row) => subtractCounts(left, row.counts), counts);
  return { operators, counts: rest, share: rateOf(rest.accepted, counts.accepted) };
}

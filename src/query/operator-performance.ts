/** GetOperatorPerformance: how operators perform, ranked; rows and other add up to the counts. */
import { bucketEdges } from '../domain/calendar.js';
import { addCounts, addOutcome, type Counts, noCounts, subtractCounts } from '../domain/counts.js';
import type { FieldViolation } from '../domain/failure.js';
import { readOrder } from '../domain/ordering.js';
import type { Outcome } from '../domain/outcome.js';
import { noBins } from '../domain/percentile.js';
import { rateOf } from '../domain/rates.js';
import {
  GetOperatorPerformanceRequest,
  GetOperatorPerformanceResponse,
} from '../generated/proto/sms/analytics/v1/analytics_service.js';
import { joined, partOf } from '../platform/parts.js';
import { countActive } from '../store/postgres/select-active.js';
import { countsOf, sumOf } from '../store/postgres/select-figures.js';
import {
  type AnsweredCell,
  answeredCells,
  piecesOf,
} from '../store/postgres/select-outcome-cells.js';
import { countsAndRates, metaOf } from './answer-parts.js';
import type { Prepared } from './context.js';
import { operatorRowParts } from './operator-rows.js';
import { pageTokenOf, questionDigest, readPageToken } from './page-token.js';
import { planPeriods, type Slots } from './periods.js';
import { encoded } from './points.js';
import {
  DEFAULT_OPERATOR_ORDER,
  OPERATOR_ORDER_FIELDS,
  type OperatorTotal,
  ordersByLatency,
  rankOperators,
} from './rank-operators.js';
import { checkIds, type PeriodQuestion, readPageSize, readPeriod } from './read-question.js';
import { answerFrom, type Reading } from './reading.js';
import { assertValid, rollupRules, type Sources } from './sources.js';
import { readTotals, type Totals } from './totals.js';

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
  const asked = readPageSize(request.pageSize, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, violations);
  const digest = () => digestOf(request);
  const offset = readPageToken(request.pageToken, digest, violations);
  assertValid(question, violations);
  const pageSize = Math.min(asked, mostRows(question));

  const { kinds } = sources;
  return (context) =>
    answerFrom(sources, context, async (reading) => {
      const { fresh } = reading;
      const periods = planPeriods(question, fresh, rules.retainedFrom);
      const { current, earlier } = periods;
      const seriesOf = (ids: readonly string[]) =>
        question.granularity === 'total' ? undefined : reading.get(kinds.figures, current, ids);
      // The series first: totals are made of its hours.
      const first = only === undefined ? undefined : await seriesOf([only]);
      const { page, counts, operators, totals } =
        only === undefined
          ? await readRanking(reading, sources, current, order)
          : await readOne(reading, sources, current, only);
      const end = offset + pageSize;
      const shown = only === undefined ? page.slice(offset, end) : page;
      const ids = shown.map((operator) => operator.operatorId);
      const [series, now, before, reasons] = await Promise.all([
        first ?? seriesOf(ids),
        totals ?? readTotals(reading, kinds, current, ids),
        earlier && readTotals(reading, kinds, earlier, ids),
        reading.get(kinds.reasons, piecesOf(current), ids),
      ]);
      const others = operators - shown.filter((row) => row.counts.accepted > 0n).length;
      const meta = metaOf(question.range, fresh);
      const answer: GetOperatorPerformanceResponse = {
        meta,
        rows: [],
        other: others === 0 ? undefined : otherOf(others, counts, shown),
        ...countsAndRates(counts),
        nextPageToken: only === undefined && end < operators ? pageTokenOf(digest(), end) : '',
        totalSize: operators,
      };
      const rows = ids.flatMap((operatorId) => {
        const own = {
          operatorId,
          now: now.get(operatorId) as Totals,
          before: before?.get(operatorId),
          series: series?.get(operatorId),
          reasons: sumOf(reasons.get(operatorId) ?? []).reasons,
        };
        return operatorRowParts(own, question, periods, counts.accepted, fresh);
      });
      const bytes = joined([partOf(encoded(GetOperatorPerformanceResponse, answer)), ...rows]);
      return { bytes, revision: meta.revision };
    });
}

/** Rows of one page at most; as many on every page of a question, so that offsets stay what they are. */
function mostRows({ range, granularity, weekStart }: PeriodQuestion): number {
  const buckets = bucketEdges(range, granularity, range.zone, weekStart).length - 1;
  return Math.max(1, Math.floor(MAX_POINTS / buckets));
}

function digestOf(request: GetOperatorPerformanceRequest): string {
  const bound = { ...request, pageSize: 0, pageToken: '' };
  return questionDigest(
    'GetOperatorPerformance',
    GetOperatorPerformanceRequest.encode(bound).finish(),
  );
}

/** Every operator with an accepted message, without its latency. */
function operatorTotals(cells: readonly AnsweredCell[]): OperatorTotal[] {
  const operators = new Map<string, OperatorTotal>();
  for (const { operatorId, outcome, messages, segments, contradicted } of cells) {
    let own = operators.get(operatorId);
    if (own === undefined) {
      own = { operatorId, counts: noCounts(), bins: noBins() };
      operators.set(operatorId, own);
    }
    addOutcome(own.counts, outcome as Outcome, messages, segments, contradicted);
  }
  return [...operators.values()].filter(({ counts }) => counts.accepted > 0n);
}

/** Gives every operator its latency over the whole range. */
async function readLatency(
  reading: Reading,
  { kinds }: Sources,
  period: Slots,
  operators: OperatorTotal[],
): Promise<void> {
  const ids = operators.map((operator) => operator.operatorId);
  const totals = await readTotals(reading, kinds, period, ids);
  for (const operator of operators) {
    operator.bins = totals.get(operator.operatorId)?.total.bins ?? operator.bins;
  }
}

/** Operators in order, and all of them together. */
interface Ranking {
  readonly page: readonly OperatorTotal[];
  readonly counts: Counts;
  /** How many have an accepted message. */
  readonly operators: number;
  /** Those of the page, where they are known already. */
  readonly totals?: ReadonlyMap<string, Totals>;
}

async function readRanking(
  reading: Reading,
  sources: Sources,
  period: Slots,
  order: Parameters<typeof rankOperators>[1],
): Promise<Ranking> {
  const pieces = piecesOf(period);
  const stored = await reading.get(sources.kinds.outcomeCells, pieces, ['']);
  const all = operatorTotals(answeredCells(pieces, stored.get('') ?? []));
  if (ordersByLatency(order)) await readLatency(reading, sources, period, all);
  const counts = noCounts();
  for (const operator of all) addCounts(counts, operator.counts);
  return { page: rankOperators(all, order), counts, operators: all.length };
}

/** The one operator that was asked for, with zeros where it has no messages; of the others their sums only. */
async function readOne(
  reading: Reading,
  { kinds }: Sources,
  period: Slots,
  operatorId: string,
): Promise<Ranking> {
  const pieces = piecesOf(period);
  const [totals, all, active] = await Promise.all([
    readTotals(reading, kinds, period, [operatorId], pieces),
    reading.get(kinds.figures, pieces, ['']),
    reading.get(kinds.activeOperators, pieces, ['']),
  ]);
  const counts = totals.get(operatorId)?.total.counts ?? noCounts();
  return {
    page: [{ operatorId, counts, bins: noBins() }],
    counts: countsOf(all.get('') ?? []),
    operators: Number(countActive(active.get('') ?? [])),
    totals,
  };
}

function otherOf(operators: number, counts: Counts, page: readonly OperatorTotal[]) {
  const rest = page.reduce((left, row) => subtractCounts(left, row.counts), counts);
  return { operators, counts: rest, share: rateOf(rest.accepted, counts.accepted) };
}

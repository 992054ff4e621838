// GetOperatorPerformance: how operators perform, ranked; rows and other add up to the counts and to
// the money.

import type { FieldViolation } from '../../domain/failure.js';
import { subtractCounts } from '../../domain/measures/counts.js';
import { isMoney, moneyWithout } from '../../domain/measures/money.js';
import { readOrder } from '../../domain/measures/ordering.js';
import { rateOf } from '../../domain/measures/rates.js';
import { bucketEdges } from '../../domain/time/calendar.js';
import {
  GetOperatorPerformanceRequest,
  GetOperatorPerformanceResponse,
  type OperatorOther,
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import { joined, partOf } from '../../platform/parts.js';
import { answerFrom } from '../freshness/reading.js';
import { assertValid, rollupRules, type Sources } from '../freshness/sources.js';
import type { Prepared } from '../question/context.js';
import { pageTokenOf, questionDigest, readPageToken } from '../question/page-token.js';
import {
  checkIds,
  granularityOf,
  type PeriodQuestion,
  readPageSize,
  readPeriod,
} from '../question/read-question.js';
import { countsAndRates, metaOf, moneyOf } from '../wire/answer-parts.js';
import { encoded } from '../wire/points.js';
import { makeOneByOne } from './one-by-one.js';
import { type OperatorPage, readPage } from './operator-page.js';
import { operatorRowParts } from './operator-rows.js';
import {
  DEFAULT_OPERATOR_ORDER,
  OPERATOR_ORDER_FIELDS,
  type OperatorTotal,
} from './rank-operators.js';

const DEFAULT_PAGE_SIZE = 25;
const MAX_PAGE_SIZE = 200;
/** Buckets of all rows of one page, together. */
const MAX_POINTS = 10_000;

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

  const { retainedFrom } = rules;
  const page = { question, retainedFrom, order, only, offset, pageSize };
  return async (context) => {
    const read = await answerFrom(sources, context, (reading) => readPage(reading, page));
    const { fresh, shown, counts, operators } = read;
    const end = offset + pageSize;
    // First: adding up takes turns here, and nothing is added up twice.
    const rowOf = ({ operatorId }: OperatorTotal) => operatorRowParts(operatorId, read, question);
    const rows =
      shown.length > 1 ? await makeOneByOne(shown, rowOf, context.signal) : shown.map(rowOf);
    const meta = metaOf(question.range, fresh);
    const answer: GetOperatorPerformanceResponse = {
      meta,
      rows: [],
      other: otherOf(read),
      ...countsAndRates(counts),
      money: moneyOf(read.now('').total.money, counts.delivered),
      nextPageToken: only === undefined && end < operators ? pageTokenOf(digest(), end) : '',
      totalSize: operators,
    };
    const parts = [partOf(encoded(GetOperatorPerformanceResponse, answer)), ...rows.flat()];
    return { bytes: joined(parts), revision: meta.revision };
  };
}

/** Whether a page has a series for each of many operators: a megabyte or two. */
export function isLongPage({ operatorId, granularity }: GetOperatorPerformanceRequest): boolean {
  return operatorId === '' && granularityOf(granularity) !== 'total';
}

/**
 * Rows of one page at most; as many on every page of a question, so that offsets stay what they
 * are.
 */
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

/** The operators of the range that are not on the page, where there are any. */
function otherOf({ shown, counts, operators, now }: OperatorPage): OperatorOther | undefined {
  const moneyOfRow = ({ operatorId }: OperatorTotal) => now(operatorId).total.money;
  const isInRange = (row: OperatorTotal) =>
    row.counts.accepted > 0n || [...moneyOfRow(row).values()].some(isMoney);
  const others = operators - shown.filter(isInRange).length;
  if (others === 0) return undefined;
  const rest = shown.reduce((left, row) => subtractCounts(left, row.counts), counts);
  const money = moneyWithout(now('').total.money, shown.map(moneyOfRow));
  return {
    operators: others,
    counts: rest,
    share: rateOf(rest.accepted, counts.accepted),
    money: moneyOf(money, rest.delivered),
  };
}

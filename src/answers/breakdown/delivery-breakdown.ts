// GetDeliveryBreakdown: messages by up to three dimensions; rows and other add up to the totals.
import type { FieldViolation } from '../../domain/failure.js';
import { type OrderKey, readOrder } from '../../domain/measures/ordering.js';
import { rateOf } from '../../domain/measures/rates.js';
import { type ErrorClass, REASONS } from '../../domain/message/reasons.js';
import {
  GetDeliveryBreakdownRequest,
  GetDeliveryBreakdownResponse,
  type BreakdownRow as ProtoBreakdownRow,
} from '../../generated/proto/sms/analytics/v1/analytics_service.js';
import type { Filter } from '../../generated/proto/sms/analytics/v1/common.js';
import type { Snapshot } from '../../postgres/pool.js';
import { outcomeCellsKind, piecesOf } from '../figures/select-outcome-cells.js';
import { readFresh } from '../freshness/fresh-read.js';
import { answerFrom, NotRemembered, type Reading } from '../freshness/reading.js';
import { selectAnswerState } from '../freshness/select-answer-state.js';
import { assertValid, rollupRules, type Sources } from '../freshness/sources.js';
import { answeredCells } from '../memory/outcome-cells.js';
import type { Prepared, QueryContext } from '../question/context.js';
import {
  type Dimension,
  dimensionOf,
  errorClassOfProto,
  outcomeOfProto,
  protoErrorClassOf,
  protoOutcomeOf,
} from '../question/dimensions.js';
import { pageTokenOf, questionDigest, readPageToken } from '../question/page-token.js';
import { type Freshness, planPeriods } from '../question/periods.js';
import {
  checkIds,
  type PeriodQuestion,
  readPageSize,
  readPeriod,
} from '../question/read-question.js';
import { metaOf } from '../wire/answer-parts.js';
import { encoded } from '../wire/points.js';
import {
  type Breakdown,
  type BreakdownFilter,
  type BreakdownOrderField,
  type BreakdownQuestion,
  type BreakdownRow,
  isByAccount,
} from './breakdown-question.js';
import { breakdownOf } from './breakdown-rows.js';
import { selectBreakdown } from './select-breakdown.js';

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;
const MAX_DIMENSIONS = 3;
const DEFAULT_ORDER: readonly OrderKey<BreakdownOrderField>[] = [
  { field: 'messages', descending: true },
];

/** @throws {InvalidQuestion} with every wrong field, before anything is read */
export function prepareDeliveryBreakdown(
  sources: Sources,
  request: GetDeliveryBreakdownRequest,
): Prepared<GetDeliveryBreakdownResponse> {
  const rules = rollupRules(sources);
  const violations: FieldViolation[] = [];
  const question = readPeriod(request, rules, violations);
  const filter = readFilter(request.filter, violations);
  const groupBy = readGroupBy(request, violations);
  const fields = ['messages', 'segments', 'share', ...groupBy] as const;
  const order = readOrder(request.orderBy, fields, DEFAULT_ORDER, violations);
  const limit = readPageSize(request.pageSize, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, violations);
  const digest = () => digestOf(request);
  const offset = readPageToken(request.pageToken, digest, violations);
  assertValid(question, violations);

  const asked = { groupBy, filter, order, limit, offset };
  const { retainedFrom } = rules;
  return async (context) => {
    const { fresh, found } = isByAccount(asked)
      ? await readByAccount(sources, context, question, asked, retainedFrom)
      : await answerFrom(sources, context, (reading) =>
          readRemembered(reading, question, asked, retainedFrom),
        );
    const meta = metaOf(question.range, fresh);
    const next = offset + found.rows.length;
    const answer: GetDeliveryBreakdownResponse = {
      meta,
      rows: found.rows.map((row) => rowOf(row, groupBy, found.messages)),
      other: otherOf(found),
      messages: found.messages,
      segments: found.segments,
      nextPageToken:
        found.rows.length > 0 && next < found.totalSize ? pageTokenOf(digest(), next) : '',
      totalSize: found.totalSize,
    };
    const bytes = encoded(GetDeliveryBreakdownResponse, answer);
    return { bytes, revision: meta.revision };
  };
}

/** All else follows from the remembered cells of all operators. */
async function readRemembered(
  reading: Reading,
  question: PeriodQuestion,
  asked: BreakdownQuestion,
  retainedFrom: number,
): Promise<FreshBreakdown | NotRemembered> {
  const { fresh } = reading;
  const pieces = piecesOf(planPeriods(question, fresh, retainedFrom).current);
  const cells = await reading.get(outcomeCellsKind, pieces, ['']);
  if (cells instanceof NotRemembered) return cells;
  return { fresh, found: breakdownOf(answeredCells(pieces, cells.get('') ?? []), asked) };
}

interface FreshBreakdown {
  readonly fresh: Freshness;
  readonly found: Breakdown;
}

/** Accounts are many and each is asked for rarely: their cells are read anew. */
function readByAccount(
  sources: Sources,
  context: QueryContext,
  question: PeriodQuestion,
  asked: BreakdownQuestion,
  retainedFrom: number,
): Promise<FreshBreakdown> {
  return readFresh(sources, context, (assumed, limits) => {
    const { current } = planPeriods(question, assumed, retainedFrom);
    const read = async (snapshot: Snapshot) => {
      const [state, found] = await Promise.all([
        selectAnswerState(snapshot),
        selectBreakdown(snapshot, current, asked),
      ]);
      return { state, found };
    };
    return sources.platformPool.read(limits, read, { atOnce: true, plansAnew: true });
  });
}

function digestOf(request: GetDeliveryBreakdownRequest): string {
  const bound = { ...request, pageSize: 0, pageToken: '' };
  return questionDigest('GetDeliveryBreakdown', GetDeliveryBreakdownRequest.encode(bound).finish());
}

function readGroupBy(
  request: GetDeliveryBreakdownRequest,
  violations: FieldViolation[],
): Dimension[] {
  if (request.groupBy.length === 0) return ['outcome'];
  const dimensions = new Set(request.groupBy.map(dimensionOf));
  const known = [...dimensions].filter((dimension) => dimension !== undefined);
  if (known.length !== request.groupBy.length || known.length > MAX_DIMENSIONS) {
    const description = `must be at most ${MAX_DIMENSIONS} known dimensions, each once`;
    violations.push({ field: 'group_by', description });
  }
  return known;
}

function readFilter(filter: Filter | undefined, violations: FieldViolation[]): BreakdownFilter {
  const values = <Given, Read>(
    field: string,
    given: readonly Given[] | undefined,
    read: (value: Given) => Read | undefined,
    description: string,
  ): Read[] | undefined => {
    if (given === undefined || given.length === 0) return undefined;
    const known = [...new Set(given)].map(read).filter((value) => value !== undefined);
    if (known.length !== new Set(given).size) violations.push({ field, description });
    return known;
  };
  const ids = (field: string, given: readonly string[] | undefined) => {
    checkIds(field, given ?? [], violations);
    return given?.length ? given : undefined;
  };
  const reasonNames = new Set(REASONS.map((row) => row.reason));
  return {
    accountIds: ids('filter.account_ids', filter?.accountIds),
    operatorIds: ids('filter.operator_ids', filter?.operatorIds),
    outcomes: values('filter.outcomes', filter?.outcomes, outcomeOfProto, 'has an unknown outcome'),
    reasons: values(
      'filter.reasons',
      filter?.reasons,
      // The empty reason is what rows of messages without one show.
      (reason) => (reason === '' || reasonNames.has(reason) ? reason : undefined),
      'has a name that is not on the list of reasons',
    ),
    errorClasses: values(
      'filter.error_classes',
      filter?.errorClasses,
      errorClassOfProto,
      'has an unknown error class',
    ),
  };
}

function rowOf(
  { values, messages, segments }: BreakdownRow,
  groupBy: readonly Dimension[],
  all: bigint,
): ProtoBreakdownRow {
  const row: ProtoBreakdownRow = { messages, segments, share: rateOf(messages, all) };
  for (const [i, dimension] of groupBy.entries()) {
    const value = values[i] ?? '';
    if (dimension === 'outcome') row.outcome = protoOutcomeOf(value as never);
    else if (dimension === 'reason') row.reason = value;
    else if (dimension === 'error_class') row.errorClass = protoErrorClassOf(value as ErrorClass);
    else if (dimension === 'operator_id') row.operatorId = value;
    else row.accountId = value;
  }
  return row;
}

/** All rows that are not on this page, before it and after it. */
function otherOf(found: Breakdown): GetDeliveryBreakdownResponse['other'] {
  const rows = found.totalSize - found.rows.length;
  if (rows === 0) return undefined;
  const messages = found.rows.reduce((left, row) => left - row.messages, found.messages);
  const segments = found.rows.reduce((left, row) => left - row.segments, found.segments);
  return { rows, messages, segments, share: rateOf(messages, found.messages) };
}

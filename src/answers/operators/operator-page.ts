// What a page of operators is made of: which of them it shows, and everything that is read of them.
import { addCounts, addOutcome, type Counts, noCounts } from '../../domain/measures/counts.js';
import type { OrderKey } from '../../domain/measures/ordering.js';
import { noBins } from '../../domain/measures/percentile.js';
import type { Outcome } from '../../domain/message/outcome.js';
import type { EpochMicros } from '../../domain/time/instant.js';
import { activeOperatorsKind, paidOperatorsKind } from '../figures/select-active.js';
import { figuresKind, reasonsKind, type SlotFigures } from '../figures/select-figures.js';
import { outcomeCellsKind, piecesOf } from '../figures/select-outcome-cells.js';
import { readTotals, type TotalsOf } from '../figures/totals.js';
import { allOf, NotRemembered, type Reading } from '../freshness/reading.js';
import { activeIds, countActive } from '../memory/active-ids.js';
import { type AnsweredCell, answeredCells } from '../memory/outcome-cells.js';
import { type Freshness, type Periods, planPeriods, type Slots } from '../question/periods.js';
import type { PeriodQuestion } from '../question/read-question.js';
import {
  type OperatorOrderField,
  type OperatorTotal,
  ordersByLatency,
  rankOperators,
} from './rank-operators.js';

/** What is asked for. */
export interface PageQuestion {
  readonly question: PeriodQuestion;
  readonly retainedFrom: EpochMicros;
  readonly order: readonly OrderKey<OperatorOrderField>[];
  /** The only operator, where one is asked for; the rest is then of no account. */
  readonly only: string | undefined;
  readonly offset: number;
  readonly pageSize: number;
}

type ByOperator = ReadonlyMap<string, readonly SlotFigures[]>;

/** What was read; added up and written only when an answer is made of it. */
export interface OperatorPage {
  readonly fresh: Freshness;
  readonly periods: Periods;
  /** In order. */
  readonly shown: readonly OperatorTotal[];
  /** All operators together. */
  readonly counts: Counts;
  /** How many are in the range: by an accepted message, a charge or a refund. */
  readonly operators: number;
  /** Of all together, '', and of those shown, as all that follows. */
  readonly now: TotalsOf;
  /** Of the earlier period, where there is one to compare with. */
  readonly before: TotalsOf | undefined;
  /** By slot, where a series is asked for. */
  readonly series: ByOperator | undefined;
  readonly reasons: ByOperator;
}

export async function readPage(
  reading: Reading,
  { question, retainedFrom, order, only, offset, pageSize }: PageQuestion,
): Promise<OperatorPage | NotRemembered> {
  const { fresh } = reading;
  const periods = planPeriods(question, fresh, retainedFrom);
  const { current, earlier } = periods;
  const seriesOf = (ids: readonly string[]) =>
    question.granularity === 'total' ? undefined : reading.get(figuresKind, current, ids);
  // The series first: totals are made of its hours.
  const first = only === undefined ? undefined : await seriesOf([only]);
  if (first instanceof NotRemembered) return first;
  const ranking =
    only === undefined
      ? await readRanking(reading, current, order)
      : await readOne(reading, current, only);
  if (ranking instanceof NotRemembered) return ranking;
  const { page, counts, operators, totals } = ranking;
  const shown = only === undefined ? page.slice(offset, offset + pageSize) : page;
  const ids = shown.map((operator) => operator.operatorId);
  const read = await allOf([
    first ?? seriesOf(ids),
    totals ?? readTotals(reading, current, [...ids, '']),
    earlier && readTotals(reading, earlier, ids),
    reading.get(reasonsKind, piecesOf(current), ids),
  ]);
  if (read instanceof NotRemembered) return read;
  const [series, now, before, reasons] = read;
  return { fresh, periods, shown, counts, operators, now, before, series, reasons };
}

/** Every operator with an accepted message, and those that are `paid`, without its latency. */
function operatorTotals(
  cells: readonly AnsweredCell[],
  paid: ReadonlySet<string>,
): OperatorTotal[] {
  const totalOf = (operatorId: string) => ({ operatorId, counts: noCounts(), bins: noBins() });
  const operators = new Map<string, OperatorTotal>();
  for (const { operatorId, outcome, messages, segments, contradicted } of cells) {
    let own = operators.get(operatorId);
    if (own === undefined) {
      own = totalOf(operatorId);
      operators.set(operatorId, own);
    }
    addOutcome(own.counts, outcome as Outcome, messages, segments, contradicted);
  }
  for (const id of paid) if (!operators.has(id)) operators.set(id, totalOf(id));
  return [...operators.values()].filter(
    ({ operatorId, counts }) => counts.accepted > 0n || paid.has(operatorId),
  );
}

/** Gives every operator its latency over the whole range; the totals that it is of. */
async function readLatency(
  reading: Reading,
  period: Slots,
  operators: OperatorTotal[],
): Promise<TotalsOf | NotRemembered> {
  const ids = operators.map((operator) => operator.operatorId);
  const totals = await readTotals(reading, period, [...ids, '']);
  if (totals instanceof NotRemembered) return totals;
  for (const operator of operators) {
    operator.bins = totals(operator.operatorId).total.bins;
  }
  return totals;
}

/** Operators in order, and all of them together. */
interface Ranking {
  readonly page: readonly OperatorTotal[];
  readonly counts: Counts;
  /** How many are in the range. */
  readonly operators: number;
  /** Those of the page and of all together, where they are known already. */
  readonly totals?: TotalsOf | undefined;
}

async function readRanking(
  reading: Reading,
  period: Slots,
  order: PageQuestion['order'],
): Promise<Ranking | NotRemembered> {
  const pieces = piecesOf(period);
  const read = await allOf([
    reading.get(outcomeCellsKind, pieces, ['']),
    reading.get(paidOperatorsKind, pieces, ['']),
  ]);
  if (read instanceof NotRemembered) return read;
  const [stored, paid] = read;
  const cells = answeredCells(pieces, stored.get('') ?? []);
  const all = operatorTotals(cells, activeIds(paid.get('') ?? []));
  const totals = ordersByLatency(order) ? await readLatency(reading, period, all) : undefined;
  if (totals instanceof NotRemembered) return totals;
  const counts = noCounts();
  for (const operator of all) addCounts(counts, operator.counts);
  return { page: rankOperators(all, order), counts, operators: all.length, totals };
}

/**
 * The one operator that was asked for, with zeros where it has no messages; of the others their
 * sums only.
 */
async function readOne(
  reading: Reading,
  period: Slots,
  operatorId: string,
): Promise<Ranking | NotRemembered> {
  const pieces = piecesOf(period);
  const read = await allOf([
    readTotals(reading, period, [operatorId, ''], pieces),
    reading.get(activeOperatorsKind, pieces, ['']),
    reading.get(paidOperatorsKind, pieces, ['']),
  ]);
  if (read instanceof NotRemembered) return read;
  const [totals, active, paid] = read;
  const { counts } = totals(operatorId).total;
  return {
    page: [{ operatorId, counts, bins: noBins() }],
    counts: totals('').total.counts,
    operators: Number(countActive([...(active.get('') ?? []), ...(paid.get('') ?? [])])),
    totals,
  };
}

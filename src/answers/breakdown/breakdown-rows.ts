// A breakdown of remembered cells: the same rows, sums and order as select-breakdown.ts reads where
// accounts matter.
import { compareValues } from '../../domain/measures/ordering.js';
import { errorClassOf } from '../../domain/message/reasons.js';
import type { AnsweredCell } from '../memory/outcome-cells.js';
import type { Breakdown, BreakdownQuestion, BreakdownRow } from './breakdown-question.js';

type PlatformDimension = 'outcome' | 'reason' | 'error_class' | 'operator_id';

/** One page of rows of `cells`, which are of all accounts. Rows without messages do not exist. */
export function breakdownOf(
  cells: readonly AnsweredCell[],
  { groupBy, filter, order, limit, offset }: BreakdownQuestion,
): Breakdown {
  const groups = new Map<string, { values: string[]; messages: bigint; segments: bigint }>();
  for (const cell of cells) {
    const { operatorId, outcome, reason, messages, segments } = cell;
    const errorClass = errorClassOf(reason);
    if (filter.operatorIds && !filter.operatorIds.includes(operatorId)) continue;
    if (filter.outcomes && !(filter.outcomes as readonly string[]).includes(outcome)) continue;
    if (filter.reasons && !filter.reasons.includes(reason)) continue;
    if (filter.errorClasses && !filter.errorClasses.includes(errorClass)) continue;
    const of = { outcome, reason, error_class: errorClass, operator_id: operatorId };
    const values = groupBy.map((dimension) => of[dimension as PlatformDimension]);
    const key = values.join(' ');
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { values, messages, segments });
    } else {
      group.messages += messages;
      group.segments += segments;
    }
  }
  const rows = [...groups.values()].filter((row) => row.messages > 0n);
  rows.sort(comparison(groupBy, order));
  return {
    messages: rows.reduce((sum, row) => sum + row.messages, 0n),
    segments: rows.reduce((sum, row) => sum + row.segments, 0n),
    totalSize: rows.length,
    rows: rows.slice(offset, offset + limit),
  };
}

/** By the keys of the order, then by the dimensions. */
function comparison(
  groupBy: BreakdownQuestion['groupBy'],
  order: BreakdownQuestion['order'],
): (left: BreakdownRow, right: BreakdownRow) => number {
  const dimensions = groupBy.map((field) => ({ field, descending: false }));
  const keys = [...order, ...dimensions].map(({ field, descending }) => {
    const dimension = (groupBy as readonly string[]).indexOf(field);
    const sortValue = (row: BreakdownRow) => {
      if (dimension >= 0) return row.values[dimension];
      return field === 'segments' ? row.segments : row.messages;
    };
    return { sortValue, descending };
  });
  return (left, right) => {
    for (const { sortValue, descending } of keys) {
      const compared = compareValues(sortValue(left), sortValue(right), descending);
      if (compared !== 0) return compared;
    }
    return 0;
  };
}

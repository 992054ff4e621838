// The rows of a breakdown of remembered cells, against filtering, grouping and sorting them one
// step after the other.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BreakdownQuestion } from '../../../src/answers/breakdown/breakdown-question.js';
import { breakdownOf } from '../../../src/answers/breakdown/breakdown-rows.js';
import type { AnsweredCell } from '../../../src/answers/memory/outcome-cells.js';
import { errorClassOf } from '../../../src/domain/message/reasons.js';

const REASONS = ['', 'ABSENT_SUBSCRIBER', 'NO_RECEIPT', 'REJECTED_BY_OPERATOR', 'UNMAPPED'];
const OUTCOMES = ['DELIVERED', 'EXPIRED', 'PENDING', 'UNKNOWN'] as const;
const OPERATORS = ['22801', '41220', 'Op-b', 'op-b', 'op_b'];

/** Few different numbers, so that ties are the rule. */
const count = fc.constantFrom(0n, 1n, 2n, 3n, 2n ** 60n);
const cell: fc.Arbitrary<AnsweredCell> = fc.record({
  operatorId: fc.constantFrom(...OPERATORS),
  outcome: fc.constantFrom(...OUTCOMES),
  reason: fc.constantFrom(...REASONS),
  messages: count,
  segments: count,
  contradicted: fc.constant(0n),
});
const DIMENSIONS = ['outcome', 'reason', 'error_class', 'operator_id'] as const;
const some = <T>(values: readonly T[]) =>
  fc.option(fc.subarray([...values], { minLength: 1 }), { nil: undefined });

const question = fc
  .shuffledSubarray([...DIMENSIONS], { minLength: 1, maxLength: 3 })
  .chain((groupBy) => {
    const fields = ['messages', 'segments', 'share', ...groupBy] as const;
    const order = fc
      .shuffledSubarray([...fields], { minLength: 1 })
      .chain((keys) =>
        fc.tuple(...keys.map((field) => fc.boolean().map((descending) => ({ field, descending })))),
      );
    return fc.record({
      groupBy: fc.constant(groupBy),
      order,
      filter: fc.record({
        accountIds: fc.constant(undefined),
        operatorIds: some(OPERATORS),
        outcomes: some(OUTCOMES),
        reasons: some(REASONS),
        errorClasses: some(['', 'PERMANENT', 'TEMPORARY', 'UNKNOWN'] as const),
      }),
      limit: fc.integer({ min: 1, max: 12 }),
      offset: fc.integer({ min: 0, max: 8 }),
    });
  });

type Fields = Record<string, string>;
const fieldsOf = ({ outcome, reason, operatorId }: AnsweredCell): Fields => ({
  ...{ outcome, reason, operator_id: operatorId, error_class: errorClassOf(reason) },
});

/**
 * Every row there is, in order: sorted by the least important key first, which a stable sort keeps
 * among equals.
 */
function rowsOf(cells: readonly AnsweredCell[], { groupBy, order, filter }: BreakdownQuestion) {
  const matching = cells.filter((one) => {
    const fields = fieldsOf(one);
    const lists = [
      [filter.operatorIds, fields.operator_id],
      [filter.outcomes, fields.outcome],
      [filter.reasons, fields.reason],
      [filter.errorClasses, fields.error_class],
    ] as [string[] | undefined, string][];
    return lists.every(([list, value]) => list === undefined || list.includes(value));
  });
  const names = matching.map((one) => groupBy.map((field) => fieldsOf(one)[field] ?? ''));
  const different = new Map(names.map((values) => [JSON.stringify(values), values]));
  const rows = [...different.values()].map((values) => {
    const own = matching.filter((_, i) => String(names[i]) === String(values));
    const sum = (of: 'messages' | 'segments') => own.reduce((all, one) => all + one[of], 0n);
    return { values, messages: sum('messages'), segments: sum('segments') };
  });
  const present = rows.filter((row) => row.messages > 0n);
  const keys = [...order, ...groupBy.map((field) => ({ field, descending: false }))];
  for (const { field, descending } of keys.reverse()) {
    const at = groupBy.indexOf(field as (typeof groupBy)[number]);
    const value = (row: (typeof present)[number]): string | bigint => {
      if (at >= 0) return row.values[at] ?? '';
      return field === 'segments' ? row.segments : row.messages;
    };
    present.sort((left, right) => {
      const [one, other] = descending ? [value(right), value(left)] : [value(left), value(right)];
      return one < other ? -1 : one > other ? 1 : 0;
    });
  }
  return present;
}

it('are filtered, grouped, sorted and cut as they would be one by one', () => {
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 60 }), question, (cells, asked) => {
      const all = rowsOf(cells, asked);
      expect(breakdownOf(cells, asked)).toEqual({
        messages: all.reduce((sum, row) => sum + row.messages, 0n),
        segments: all.reduce((sum, row) => sum + row.segments, 0n),
        totalSize: all.length,
        rows: all.slice(asked.offset, asked.offset + asked.limit),
      });
    }),
    { seed: 6, numRuns: 1_000 },
  );
});

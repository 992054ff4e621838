// The order of operators by latency: each percentile orders by itself, and who has delivered
// nothing comes last.
import { expect, it } from 'vitest';
import {
  OPERATOR_ORDER_FIELDS,
  rankOperators,
} from '../../../src/answers/operators/rank-operators.js';
import { noCounts } from '../../../src/domain/measures/counts.js';
import { binCountsOf } from '../../support/bin-counts.js';

/** Of a hundred messages: the 50th, the 90th, the 95th and the 99th lie in these bins. */
function operator(operatorId: string, p50: number, p90: number, p95: number, p99: number) {
  const bins = binCountsOf([
    [p50, 50],
    [p90, 40],
    [p95, 5],
    [p99, 5],
  ]);
  return { operatorId, counts: noCounts(), bins };
}

const OPERATORS = [
  { operatorId: 'silent', counts: noCounts(), bins: binCountsOf([]) },
  operator('c', 3, 20, 50, 75),
  operator('a', 1, 30, 60, 90),
  operator('b', 2, 10, 70, 80),
];

it.each([
  ['latency_p50', 'a b c'],
  ['latency_p90', 'b c a'],
  ['latency_p95', 'c a b'],
  ['latency_p99', 'c b a'],
] as const)('%s orders by that percentile, absent values last either way', (field, ids) => {
  expect(OPERATOR_ORDER_FIELDS).toContain(field);
  const order = (descending: boolean) =>
    rankOperators(OPERATORS, [{ field, descending }]).map(({ operatorId }) => operatorId);
  expect(order(false)).toEqual([...ids.split(' '), 'silent']);
  expect(order(true)).toEqual([...ids.split(' ').reverse(), 'silent']);
});

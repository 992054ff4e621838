// What a refusal tells the caller about wrong fields.

import { expect, test } from 'vitest';
import { OPERATOR_ORDER_FIELDS } from '../../../src/answers/operators/rank-operators.js';
import { refusals, statusOf } from '../../../src/api/calls/statuses.js';
import type { FieldViolation } from '../../../src/domain/failure.js';
import { readOrder } from '../../../src/domain/measures/ordering.js';
import { endOf } from '../../support/api-server.js';

/** As the caller reads it. */
function told(violations: readonly FieldViolation[]) {
  const status = statusOf(refusals.invalidQuestion, 'c1', violations);
  return endOf(Object.assign(new Error(), status) as Parameters<typeof endOf>[0]).violations;
}

test('the longest description, all that operators can be ordered by, arrives whole', () => {
  const violations: FieldViolation[] = [];
  readOrder('nonsense', OPERATOR_ORDER_FIELDS, [], violations);
  expect(violations[0]?.description.length).toBeGreaterThan(200);
  expect(told(violations)).toEqual(violations);
});

test('a description has 500 characters and a refusal 50 violations at most', () => {
  const violations = Array.from({ length: 51 }, (_, at) => ({
    field: `f${at}`,
    description: 'x'.repeat(501),
  }));
  const seen = told(violations) ?? [];
  expect(seen).toHaveLength(50);
  expect(seen[0]?.description).toHaveLength(500);
});

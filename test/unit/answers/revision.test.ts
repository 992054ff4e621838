// A revision changes whenever an answer could: with the data, with data_as_of, and with what is
// settled by then.
import { expect, test } from 'vitest';
import { freshnessOf, revisionOf } from '../../../src/answers/question/periods.js';
import { parseInstant } from '../../../src/domain/time/instant.js';

const STATE = {
  generation: 1,
  origin: 'here',
  revision: '1.7',
  dataAsOf: parseInstant('2026-11-22T09:17:00Z'),
};
const revision = (changed: object, settleHours = 72) =>
  revisionOf(freshnessOf({ ...STATE, ...changed }, settleHours));

test.each([
  ['the data', revision({ revision: '1.8' })],
  ['data_as_of', revision({ dataAsOf: (STATE.dataAsOf ?? 0) + 1 })],
  ['how long a receipt is waited for', revision({}, 24)],
])('another revision for another state of %s', (_, other) => {
  expect(other).not.toBe(revision({}));
});

test('the same revision for the same state', () => {
  expect(revision({})).toBe(revision({}));
});

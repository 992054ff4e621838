import { expect, it } from 'vitest';
import { CountTable } from '../../../../src/domain/measures/count-table.js';
import { COUNT_FIELDS, noCounts } from '../../../../src/domain/measures/counts.js';

const ACCEPTED = COUNT_FIELDS.indexOf('accepted');
const SEGMENTS = COUNT_FIELDS.indexOf('segments');

it('has a column for each count', () => {
  expect([...COUNT_FIELDS].sort()).toEqual(Object.keys(noCounts()).sort());
});

it('adds up rows, and forgets them when it is cleared', () => {
  const table = new CountTable();
  table.clear(3);
  table.add(0, ACCEPTED, 1);
  table.add(1, ACCEPTED, 2);
  table.add(1, ACCEPTED, 3);
  table.add(2, SEGMENTS, 7);
  expect(table.sum(0, 2)).toEqual({ ...noCounts(), accepted: 6n });
  expect(table.sum(1, 3)).toEqual({ ...noCounts(), accepted: 5n, segments: 7n });
  table.addRow(1, 2);
  expect(table.at(1, SEGMENTS)).toBe(7);
  table.clear(2);
  expect(table.sum(0, 2)).toEqual(noCounts());
});

it('refuses a sum that it may have rounded', () => {
  const table = new CountTable();
  table.clear(2);
  table.add(0, SEGMENTS, Number.MAX_SAFE_INTEGER);
  expect(table.sum(0, 2).segments).toBe(9_007_199_254_740_991n);
  table.add(1, SEGMENTS, 1);
  expect(() => table.sum(0, 2)).toThrow('segments is beyond 2 ** 53');
});

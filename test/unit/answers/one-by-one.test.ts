// What takes long to make: in order, with a chance for others between the pieces, and not for
// somebody who has left.
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { makeOneByOne } from '../../../src/answers/operators/one-by-one.js';
import { Cancelled } from '../../../src/domain/failure.js';

it('is made in order, and others are served between the pieces', async () => {
  const seen: string[] = [];
  const make = (row: number) => {
    seen.push(`row ${row}`);
    return row * 10;
  };
  const rows = makeOneByOne([1, 2, 3], make, new AbortController().signal);
  for (let i = 1; i <= 2; i++) {
    await setImmediate();
    seen.push(`other ${i}`);
  }
  expect(await rows).toEqual([10, 20, 30]);
  expect(seen.slice(0, 4)).toEqual(['row 1', 'row 2', 'other 1', 'row 3']);
});

it('is not made any more when the caller has left', async () => {
  const controller = new AbortController();
  const made: number[] = [];
  const make = (row: number) => {
    made.push(row);
    if (row === 2) controller.abort();
  };
  await expect(makeOneByOne([1, 2, 3], make, controller.signal)).rejects.toThrow(Cancelled);
  expect(made).toEqual([1, 2]);
});

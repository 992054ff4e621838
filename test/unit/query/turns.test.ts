// Turns of long answers: how many are made at a time, in which order, and what becomes of the others where one fails or
// its caller leaves.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Cancelled } from '../../../src/domain/failure.js';
import { createTurns, makeOneByOne } from '../../../src/query/turns.js';

const AT_ONCE = 4;

/** Work that ends when the test says so. */
function openWork() {
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  const work = (name: number) => () => {
    begun.push(name);
    return new Promise<number>((resolve) => ends.push(() => resolve(name)));
  };
  const endFirst = async () => {
    ends.shift()?.();
    await settle();
  };
  return { work, begun, endFirst };
}

/** Lets everything happen that does not wait for the test. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await setImmediate();
}

const waiting = () => new AbortController().signal;
const room = async () => {};

describe('turns', () => {
  it('are a few at a time, first come, first served', async () => {
    const { work, begun, endFirst } = openWork();
    const inTurn = createTurns(room);
    const made = [0, 1, 2, 3, 4, 5].map((name) => inTurn(work(name), waiting()));
    await settle();
    expect(begun).toEqual([0, 1, 2, 3]);
    await endFirst();
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    for (let i = 0; i < 5; i++) await endFirst();
    expect(await Promise.all(made)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('do not begin while there is no room', async () => {
    const { work, begun, endFirst } = openWork();
    let makeRoom = () => {};
    const inTurn = createTurns(() => new Promise((resolve) => (makeRoom = resolve)));
    const made = inTurn(work(0), waiting());
    await settle();
    expect(begun).toEqual([]);
    makeRoom();
    await settle();
    await endFirst();
    expect(await made).toBe(0);
  });

  it('go on after one that failed, and pass over a caller who has left', async () => {
    const { work, begun, endFirst } = openWork();
    const inTurn = createTurns(room);
    const leaving = new AbortController();
    const busy = Array.from({ length: AT_ONCE }, (_, name) => inTurn(work(name), waiting()));
    const left = inTurn(work(7), leaving.signal).catch((error: unknown) => error);
    const failing = () => Promise.reject(new Error('no database'));
    const failed = inTurn(failing, waiting()).catch((error: unknown) => error);
    const last = inTurn(work(9), waiting());
    await settle();
    leaving.abort();
    for (let i = 0; i <= AT_ONCE; i++) await endFirst();
    expect(begun).toEqual([0, 1, 2, 3, 9]);
    expect(await left).toBeInstanceOf(Cancelled);
    expect(await failed).toEqual(new Error('no database'));
    expect([...(await Promise.all(busy)), await last]).toEqual([0, 1, 2, 3, 9]);
  });
});

describe('the rows of a long answer', () => {
  it('are made in order, and others are served between them', async () => {
    const seen: string[] = [];
    const make = (row: number) => {
      seen.push(`row ${row}`);
      return row * 10;
    };
    const rows = makeOneByOne([1, 2, 3], make, waiting());
    for (let i = 1; i <= 2; i++) {
      await setImmediate();
      seen.push(`other ${i}`);
    }
    expect(await rows).toEqual([10, 20, 30]);
    expect(seen.slice(0, 4)).toEqual(['row 1', 'row 2', 'other 1', 'row 3']);
  });

  it('are not made any more when the caller has left', async () => {
    const controller = new AbortController();
    const made: number[] = [];
    const make = (row: number) => {
      made.push(row);
      if (row === 2) controller.abort();
    };
    await expect(makeOneByOne([1, 2, 3], make, controller.signal)).rejects.toThrow(Cancelled);
    expect(made).toEqual([1, 2]);
  });
});

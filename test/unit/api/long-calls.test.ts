// Turns of long calls: how many are at work, for how long a call keeps its place, and what becomes
// of the others where one fails or is over before its turn.
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LongCalls } from '../../../src/api/calls/long-calls.js';
import { Cancelled } from '../../../src/domain/failure.js';

/** A call that is over when the test says so. */
class OpenCall {
  readonly #controller = new AbortController();
  readonly limits = { signal: this.#controller.signal, remainingMs: 60_000 };
  end() {
    this.#controller.abort();
  }
}

let longCalls: LongCalls;
/** The calls whose work has begun. */
let begun: number[];

// Time passes when a test says so.
beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

beforeEach(() => {
  longCalls = new LongCalls();
  begun = [];
});

/** Lets everything happen that does not wait for the test. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await setImmediate();
}

/** Runs a call whose answer is there at once; the call is over when the test ends it. */
function run(name: number, connection: object) {
  const call = new OpenCall();
  const work = async () => {
    begun.push(name);
    return name;
  };
  const result = longCalls.run(connection, call.limits, work);
  // What a test does not look at may end as it likes.
  result.catch(() => {});
  return { call, result };
}

describe('long calls', () => {
  it('are three of a connection, first come, first served, each until its answer is read', async () => {
    const connection = {};
    const calls = [0, 1, 2, 3, 4, 5].map((name) => run(name, connection));
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    expect([longCalls.running, longCalls.waiting]).toEqual([3, 3]);
    calls[2]?.call.end();
    await settle();
    expect(begun).toEqual([0, 1, 2, 3]);
    for (const { call } of calls) {
      call.end();
      await settle();
    }
    expect(await Promise.all(calls.map(({ result }) => result))).toEqual([0, 1, 2, 3, 4, 5]);
    expect([longCalls.running, longCalls.waiting]).toEqual([0, 0]);
  });

  it('are four of all connections', async () => {
    const calls = Array.from({ length: 6 }, (_, name) => run(name, {}));
    await settle();
    expect(begun).toHaveLength(4);
    calls[0]?.call.end();
    await settle();
    expect(begun).toHaveLength(5);
    for (const { call } of calls) call.end();
    await settle();
  });

  it('that nobody reads keep their own connection waiting, and others for a moment only', async () => {
    const [stuck, alsoStuck, other] = [{}, {}, {}];
    for (let i = 0; i < 4; i++) run(i, stuck);
    run(10, alsoStuck);
    await settle();
    expect(begun).toEqual([0, 1, 2, 10]);
    const { result } = run(20, other);
    await settle();
    expect(begun).toEqual([0, 1, 2, 10]);
    vi.advanceTimersByTime(1_000);
    expect(await result).toBe(20);
    await settle();
    expect(begun).toEqual([0, 1, 2, 10, 20]);
  });

  it('give up their place when they fail, or are over before their turn', async () => {
    const connection = {};
    const failing = new OpenCall();
    const fails = () => Promise.reject(new Error('no database'));
    const failed = longCalls
      .run(connection, failing.limits, fails)
      .catch((error: unknown) => error);
    const [first, , , gone, last] = [1, 2, 3, 4, 5].map((name) => run(name, connection));
    const left = gone?.result.catch((error: unknown) => error);
    await settle();
    gone?.call.end();
    failing.end();
    first?.call.end();
    expect(await last?.result).toBe(5);
    expect(begun).toEqual([1, 2, 3, 5]);
    expect(await failed).toEqual(new Error('no database'));
    expect(await left).toBeInstanceOf(Cancelled);
  });
});

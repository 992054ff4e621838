// When an answer may be given again, to whom, and how much is remembered.
import { describe, expect, it } from 'vitest';
import { createAnswerCache } from '../../../src/answers/memory/answer-cache.js';
import type { QueryContext } from '../../../src/answers/question/context.js';
import { Cancelled, DeadlineExceeded } from '../../../src/domain/failure.js';

const clock = { now: () => 0, monotonicMs: () => 0 };

/** A cache over a question that counts how often it was read. */
function counting(limits: { maxEntries?: number; maxBytes?: number; sizeBytes?: number } = {}) {
  const state = {
    revision: 'r1' as string | undefined,
    reads: 0,
    aborted: 0,
    hold: Promise.resolve(),
  };
  const cache = createAnswerCache({
    clock,
    currentRevision: () => Promise.resolve(state.revision),
    recentRevision: () => undefined,
    maxEntries: limits.maxEntries ?? 100,
    maxBytes: limits.maxBytes ?? 1_000_000,
  });
  const ask = cache.cached<string, unknown>({
    rpc: 'Ask',
    encodeRequest: (request) => Buffer.from(request),
    prepare: (request) => {
      if (request === 'wrong') throw new Error('wrong');
      return async (context) => {
        const number = ++state.reads;
        const revision = state.revision ?? '';
        context.signal.addEventListener('abort', () => state.aborted++);
        await state.hold;
        return { bytes: new Uint8Array(limits.sizeBytes ?? 10).fill(number), revision };
      };
    },
  });
  return { state, cache, ask };
}

function caller(accountId?: string, signal = new AbortController().signal): QueryContext {
  return { accountId, rowAccountId: accountId, signal, deadline: undefined };
}

describe('an answer', () => {
  it('is given again as long as the revision is the same', async () => {
    const { state, ask, cache } = counting();
    const first = await ask('a', caller());
    expect(await ask('a', caller())).toBe(first);
    state.revision = 'r2';
    expect((await ask('a', caller()))[0]).toBe(2);
    expect(cache.use()).toMatchObject({ entries: 1, hits: 1, misses: 2 });
  });

  it('is never given to another scope or another question', async () => {
    const { ask } = counting();
    const numbers = [
      await ask('a', caller()),
      await ask('a', caller('acc-1')),
      await ask('a', caller('acc-2')),
      await ask('b', caller('acc-1')),
      await ask('a', caller('acc-1')),
    ].map((reply) => reply[0]);
    expect(numbers).toEqual([1, 2, 3, 4, 2]);
  });

  it('is never given to a call that sees the rows of another account, remembered or on its way', async () => {
    const { state, ask, cache } = counting();
    const calls = [
      { ...caller('acc-1'), rowAccountId: 'acc-1' },
      { ...caller('acc-1'), rowAccountId: 'acc-2' },
      { ...caller('acc-1'), rowAccountId: undefined },
      { ...caller('acc-2'), rowAccountId: 'acc-1' },
      { ...caller(), rowAccountId: 'acc-1' },
      caller(),
    ];
    const askAll = async () =>
      (await Promise.all(calls.map((one) => ask('a', one)))).map(([n]) => n);
    // Each is read once, all at the same time, and found again as its own.
    expect((await askAll()).sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(await askAll()).size).toBe(6);
    expect(state.reads).toBe(6);
    expect(cache.use()).toMatchObject({ entries: 6, hits: 6 });
  });

  it('is not remembered where the revision is unknown, or the cache is off', async () => {
    const { state, ask } = counting();
    state.revision = undefined;
    await ask('a', caller());
    await ask('a', caller());
    expect(state.reads).toBe(2);
    const off = counting({ maxEntries: 0 });
    await off.ask('a', caller());
    await off.ask('a', caller());
    expect(off.state.reads).toBe(2);
  });

  it('to a wrong question is its failure, every time', async () => {
    const { ask, cache } = counting();
    await expect(ask('wrong', caller())).rejects.toThrow('wrong');
    await expect(ask('wrong', caller())).rejects.toThrow('wrong');
    expect(cache.use()).toMatchObject({ entries: 0, misses: 0 });
  });
});

describe('memory', () => {
  it('is bounded by entries, the least recently used go first', async () => {
    const { ask, cache } = counting({ maxEntries: 2 });
    await ask('a', caller());
    await ask('b', caller());
    await ask('a', caller());
    await ask('c', caller());
    expect(cache.use().entries).toBe(2);
    expect((await ask('a', caller()))[0]).toBe(1);
    expect((await ask('b', caller()))[0]).toBe(4);
  });

  it('is bounded by bytes, and one answer cannot take it all', async () => {
    const { ask, cache } = counting({ maxBytes: 1000, sizeBytes: 200 });
    for (let i = 0; i < 50; i++) await ask(String(i), caller());
    expect(cache.use().bytes).toBeLessThanOrEqual(1000);
    const large = counting({ maxBytes: 1000, sizeBytes: 300 });
    await large.ask('a', caller());
    expect(large.cache.use()).toMatchObject({ entries: 0, bytes: 0 });
  });
});

describe('callers who ask the same at once', () => {
  it('share one read', async () => {
    const { state, ask } = counting();
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask('a', caller())));
    expect(state.reads).toBe(1);
    expect(new Set(replies).size).toBe(1);
  });

  it('do not share a read across scopes', async () => {
    const { state, ask } = counting();
    await Promise.all([ask('a', caller('acc-1')), ask('a', caller('acc-2'))]);
    expect(state.reads).toBe(2);
  });

  it('are not hurt by one who leaves, and the last one to leave ends the read', async () => {
    const { state, ask } = counting();
    let land = () => {};
    state.hold = new Promise((resolve) => {
      land = resolve;
    });
    const [one, two] = [new AbortController(), new AbortController()];
    const first = ask('a', caller(undefined, one.signal));
    const second = ask('a', caller(undefined, two.signal));
    await new Promise(setImmediate);
    one.abort();
    await expect(first).rejects.toBeInstanceOf(Cancelled);
    expect(state.aborted).toBe(0);
    two.abort();
    await expect(second).rejects.toBeInstanceOf(Cancelled);
    expect(state.aborted).toBe(1);
    land();
  });

  it('each keep their own deadline', async () => {
    const { state, ask } = counting();
    let land = () => {};
    state.hold = new Promise((resolve) => {
      land = resolve;
    });
    const patient = ask('a', caller());
    const hasty = ask('a', { ...caller(), deadline: 20_000 });
    await expect(hasty).rejects.toBeInstanceOf(DeadlineExceeded);
    land();
    expect((await patient)[0]).toBe(1);
  });
});

// Reading under bad conditions: foreign accounts, callers who leave, deadlines, a full pool, a lost
// database.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  Cancelled,
  DeadlineExceeded,
  ResourceExhausted,
  Unavailable,
} from '../../../src/domain/failure.js';
import {
  GetAccountUsageRequest,
  GetSummaryRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { createReadPool, type ReadPool, type ReadPoolOptions } from '../../../src/postgres/pool.js';
import { startPostgres } from '../../support/engines.js';
import { caller, queriesAt, RollupWriter, type TestQueries } from './rollup-rows.js';

/** Resolves once the signal has aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

let writer: RollupWriter;
let queries: TestQueries;
const pools: ReadPool[] = [];

beforeAll(async () => {
  writer = await RollupWriter.open();
  const cell = { at: '2026-03-10T10:00Z', operator: '41220', outcome: 'DELIVERED' };
  await writer.outcomes([
    { ...cell, account: 'acc-a', messages: 3, segments: 3 },
    { ...cell, account: 'acc-b', messages: 500, segments: 500 },
  ]);
  await writer.money([
    { ...cell, account: 'acc-a', currency: 'EUR', charges: 3, charged: '3' },
    { ...cell, account: 'acc-b', currency: 'EUR', charges: 500, charged: '500' },
  ]);
  await writer.freshness('2026-03-10T12:00:00Z');
  queries = queriesAt(writer.database, '2026-03-10T12:00:01Z', { cacheEntries: 0 });
});

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await queries?.end();
  await writer?.close();
});

function poolOf(
  options: Pick<ReadPoolOptions, 'size' | 'maxWaiting' | 'statementTimeoutMs' | 'longestReadMs'>,
) {
  const pool = createReadPool({
    url: { reveal: () => writer.database.url('analytics_platform') },
    applicationName: 'reading.test',
    ...options,
  });
  pools.push(pool);
  return pool;
}

const limits = (remainingMs = 30_000, signal = new AbortController().signal) => ({
  remainingMs,
  signal,
});

const sleeping = (pool: ReadPool, seconds: number, given = limits()) =>
  pool.read(given, (snapshot) => snapshot.rows(undefined, 'SELECT pg_sleep($1)', [seconds]));

/** Statements that the pool's connections run right now. */
async function running(): Promise<number> {
  const { rows } = await writer.query(
    `SELECT count(*)::int AS running FROM pg_stat_activity
      WHERE application_name = 'reading.test' AND state = 'active'`,
  );
  return rows[0].running;
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return;
    await sleep(20);
  }
  throw new Error('it did not come to pass');
}

describe('the isolation of accounts', () => {
  const scoped = (accountId: string, text: string) =>
    queries.accountPool.read(limits(), (snapshot) => snapshot.rows(undefined, text, []), {
      accountId,
    });

  it('holds in Postgres even where a statement forgets its predicate', async () => {
    const text = 'SELECT DISTINCT account_id FROM outcome_account';
    expect(await scoped('acc-a', text)).toEqual([['acc-a']]);
    const money = 'SELECT DISTINCT account_id FROM money_account';
    expect(await scoped('acc-b', money)).toEqual([['acc-b']]);
  });

  it('holds in the statements even where the role may see every account', async () => {
    const options = { cacheEntries: 0, accountRole: 'analytics_platform' } as const;
    const unbound = queriesAt(writer.database, '2026-03-10T12:00:01Z', options);
    const range = { start: '2026-03-10', end: '2026-03-11' };
    try {
      for (const [accountId, messages] of [
        ['acc-a', 3n],
        ['acc-b', 500n],
      ] as const) {
        const request = GetAccountUsageRequest.fromPartial({ accountId, range });
        const usage = await unbound.getAccountUsage(request, caller(accountId));
        expect(usage.counts).toMatchObject({ accepted: messages, segments: messages });
        expect(usage.money).toMatchObject([{ currency: 'EUR', charges: messages }]);
      }
    } finally {
      await unbound.end();
    }
  });

  it('shows nothing where no account is set, also on a connection that served one', async () => {
    for (let i = 0; i < 4; i++) {
      const rows = await queries.accountPool.read(limits(), (snapshot) =>
        snapshot.rows(undefined, 'SELECT account_id FROM outcome_account', []),
      );
      expect(rows).toEqual([]);
    }
  });

  it('keeps the account role away from tables without an account', async () => {
    await expect(scoped('acc-a', 'SELECT * FROM outcome_platform')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(scoped('acc-a', 'SELECT * FROM ledger')).rejects.toMatchObject({ code: '42501' });
  });

  it('survives 1,000 interleaved calls on two connections, with errors and cancellations', async () => {
    const expected = { 'acc-a': 3n, 'acc-b': 500n };
    const range = { start: '2026-03-10', end: '2026-03-11' };
    const outcomes = { answered: 0, cancelled: 0, failed: 0 };
    const call = async (i: number) => {
      const accountId = i % 2 === 0 ? 'acc-a' : 'acc-b';
      const request = GetAccountUsageRequest.fromPartial({ accountId, range });
      if (i % 50 === 7) {
        await scoped(accountId, 'SELECT 1 / 0').catch(() => outcomes.failed++);
        return;
      }
      const controller = new AbortController();
      const context = { ...caller(accountId), signal: controller.signal };
      const answer = queries.getAccountUsage(request, context);
      if (i % 50 === 3) setTimeout(() => controller.abort(), i % 7);
      try {
        const { counts, money } = await answer;
        expect(counts?.accepted).toBe(expected[accountId]);
        expect(money[0]?.charges).toBe(expected[accountId]);
        outcomes.answered++;
      } catch (error) {
        expect(error).toBeInstanceOf(Cancelled);
        outcomes.cancelled++;
      }
    };
    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => call(batch * 100 + i)));
    }
    expect(outcomes.failed).toBe(20);
    expect(outcomes.answered + outcomes.cancelled).toBe(980);
    expect(outcomes.answered).toBeGreaterThan(900);
  });
});

describe('a caller who leaves', () => {
  it('ends the statement in Postgres, and the next caller is served', async () => {
    const pool = poolOf({ size: 1, statementTimeoutMs: 30_000 });
    const controller = new AbortController();
    const read = sleeping(pool, 60, limits(60_000, controller.signal));
    await eventually(async () => (await running()) === 1);
    const leftMs = performance.now();
    controller.abort();
    await expect(read).rejects.toBeInstanceOf(Cancelled);
    expect(performance.now() - leftMs).toBeLessThan(10_000);
    await eventually(async () => (await running()) === 0);
    await sleeping(pool, 0);
    expect(pool.use()).toMatchObject({ busy: 0, waiting: 0 });
  });

  it('in a crowd takes one more connection, not a crowd of them, to end every statement', async () => {
    const size = 4;
    const pool = poolOf({ size, statementTimeoutMs: 60_000 });
    const controller = new AbortController();
    const reads = Promise.all(
      Array.from({ length: size }, () =>
        expect(sleeping(pool, 60, limits(60_000, controller.signal))).rejects.toThrow(Cancelled),
      ),
    );
    await eventually(async () => (await running()) === size);
    const { rows } = await writer.query(
      `SELECT datname AS name, count(*)::int AS open FROM pg_stat_activity
        WHERE datname = current_database() GROUP BY 1`,
    );
    const limit = (to: number) =>
      writer.query(`ALTER DATABASE ${rows[0].name} CONNECTION LIMIT ${to}`);
    await limit(rows[0].open + 1);
    try {
      controller.abort();
      await eventually(async () => (await running()) === 0);
      await reads;
    } finally {
      await limit(-1);
    }
  });

  it('while waiting for a connection takes no place in the queue', async () => {
    const pool = poolOf({ size: 1 });
    const busy = sleeping(pool, 0.3);
    const controller = new AbortController();
    const waiting = sleeping(pool, 0, limits(60_000, controller.signal));
    controller.abort();
    await expect(waiting).rejects.toBeInstanceOf(Cancelled);
    expect(pool.use()).toMatchObject({ busy: 1, waiting: 0 });
    await busy;
  });
});

describe('a deadline', () => {
  it('ends the statement in Postgres', async () => {
    const pool = poolOf({ size: 1 });
    await sleeping(pool, 0);
    await expect(sleeping(pool, 60, limits(150))).rejects.toBeInstanceOf(DeadlineExceeded);
    await eventually(async () => (await running()) === 0);
  });

  it('has room for several statements, each within its own time-out', async () => {
    const pool = poolOf({ size: 1, statementTimeoutMs: 1_000, longestReadMs: 30_000 });
    const naps = await pool.read(limits(), (snapshot) =>
      Promise.all(
        Array.from({ length: 5 }, () => snapshot.rows(undefined, 'SELECT pg_sleep(0.7)', [])),
      ),
    );
    expect(naps).toHaveLength(5);
  });

  it('that is over issues no statement', async () => {
    const pool = poolOf({ size: 1 });
    await expect(sleeping(pool, 0, limits(0))).rejects.toBeInstanceOf(DeadlineExceeded);
    expect(pool.use().open).toBe(0);
  });

  it('later than the cap is cut to the cap', async () => {
    const pool = poolOf({ size: 1, statementTimeoutMs: 100 });
    await expect(sleeping(pool, 60)).rejects.toBeInstanceOf(DeadlineExceeded);
  });

  it('passes in the queue', async () => {
    const pool = poolOf({ size: 1 });
    const busy = sleeping(pool, 0.3);
    await expect(sleeping(pool, 0, limits(50))).rejects.toBeInstanceOf(DeadlineExceeded);
    await busy;
  });
});

describe('a full pool', () => {
  it('refuses what would wait too long, and opens no more connections', async () => {
    const pool = poolOf({ size: 2, maxWaiting: 3 });
    const reads = Array.from({ length: 10 }, () => sleeping(pool, 0.1));
    const results = await Promise.allSettled(reads);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(5);
    for (const result of refused) expect(result.reason).toBeInstanceOf(ResourceExhausted);
    expect(pool.use()).toEqual({ open: 2, busy: 0, waiting: 0 });
  });
});

describe('an answer', () => {
  it('sees one snapshot, whatever is committed meanwhile', async () => {
    const pool = poolOf({ size: 1 });
    const count = 'SELECT count(*) FROM outcome_platform';
    await pool.read(limits(), async (snapshot) => {
      const before = await snapshot.rows(undefined, count, []);
      await writer.outcomes([
        {
          at: '2026-02-01T10:00Z',
          account: 'acc-c',
          operator: '1',
          outcome: 'PENDING',
          messages: 1,
        },
      ]);
      expect(await snapshot.rows(undefined, count, [])).toEqual(before);
    });
  });

  it('ends with the first error: whoever goes on is refused, and the connection is clean', async () => {
    const pool = poolOf({ size: 1 });
    let late: Promise<unknown> | undefined;
    const failing = pool.read(limits(), (snapshot) => {
      late = snapshot
        .rows(undefined, 'SELECT pg_sleep(0.1)', [])
        .then(() => snapshot.rows(undefined, 'SELECT 1', []));
      late.catch(() => {});
      return Promise.reject(new RangeError('of our own'));
    });
    await expect(failing).rejects.toThrow();
    await expect(late).rejects.toThrow('The snapshot has ended');
    const isolation = `SELECT current_setting('transaction_isolation')`;
    expect(
      await pool.read(limits(), (snapshot) => snapshot.rows(undefined, isolation, [])),
    ).toEqual([['repeatable read']]);
  });

  it('that is cancelled while it is undone takes its connection with it', async () => {
    const pool = poolOf({ size: 1 });
    const backend = () =>
      pool.read(limits(), (snapshot) => snapshot.rows(undefined, 'SELECT pg_backend_pid()', []));
    const before = await backend();
    const controller = new AbortController();
    const failing = pool.read({ ...limits(), signal: controller.signal }, (snapshot) => {
      snapshot.rows(undefined, 'SELECT pg_sleep(1)', []).catch(() => {});
      setTimeout(() => controller.abort(), 100);
      return Promise.reject(new RangeError('of our own'));
    });
    await expect(failing).rejects.toThrow();
    expect(await backend()).not.toEqual(before);
  });

  it('that is read at once cannot ask for more later', async () => {
    const pool = poolOf({ size: 1 });
    const reading = pool.read(
      limits(),
      async (snapshot) => {
        expect(await snapshot.rows(undefined, 'SELECT 1', [])).toEqual([['1']]);
        const more = snapshot.rows('more', 'SELECT 2', []);
        await expect(more).rejects.toThrow('The snapshot has ended before more');
      },
      { atOnce: true },
    );
    await reading;
  });

  it('cannot write', async () => {
    const pool = poolOf({ size: 1 });
    const writing = pool.read(limits(), (snapshot) =>
      snapshot.rows(undefined, 'CREATE TEMP TABLE t (a int)', []),
    );
    await expect(writing).rejects.toMatchObject({ code: '25006' });
  });
});

describe('a database that goes away', () => {
  it('is unavailable, and answers again when it is back', async () => {
    const engine = await startPostgres();
    const own = queriesAt(engine, '2026-03-10T12:00:01Z', { cacheEntries: 0, lookIntervalMs: 0 });
    const request = GetSummaryRequest.fromPartial({
      range: { start: '2026-03-10', end: '2026-03-11' },
    });
    try {
      expect((await own.getSummary(request, caller())).meta?.dataAsOf).toBeUndefined();
      await engine.kill();
      // A backend may answer once more before it notices that its server is gone.
      await vi.waitFor(
        () => expect(own.getSummary(request, caller())).rejects.toBeInstanceOf(Unavailable),
        10_000,
      );
      await expect(own.getSummary(request, caller())).rejects.toBeInstanceOf(Unavailable);
      await engine.start();
      expect((await own.getSummary(request, caller())).counts?.accepted).toBe(0n);
    } finally {
      await own.end();
      await engine.stop();
    }
  });
});

describe('a repeated question', () => {
  it('costs no statement until the revision changes, and then carries the new data_as_of', async () => {
    const own = queriesAt(writer.database, '2026-03-10T12:00:01Z');
    const request = GetSummaryRequest.fromPartial({
      range: { start: '2026-03-10', end: '2026-03-11' },
    });
    try {
      const first = await own.getSummary(request, caller());
      expect(await own.getSummary(request, caller())).toEqual(first);
      await writer.freshness('2026-03-10T12:30:00Z', 2);
      await sleep(250);
      const later = await own.getSummary(request, caller());
      expect(later.meta?.revision).not.toBe(first.meta?.revision);
      expect(later.meta?.dataAsOf?.seconds).toBe((first.meta?.dataAsOf?.seconds ?? 0n) + 1800n);
      expect(own.cacheUse()).toMatchObject({ hits: 1, misses: 2, entries: 1 });
    } finally {
      await own.end();
    }
  });
});

describe('data_as_of', () => {
  it('does not go back to an older look once an account was answered from a later state', async () => {
    const own = queriesAt(writer.database, '2026-03-10T12:00:01Z', { lookIntervalMs: 3_600_000 });
    const range = { start: '2026-03-10', end: '2026-03-11' };
    const summary = GetSummaryRequest.fromPartial({ range });
    const usage = GetAccountUsageRequest.fromPartial({ range, accountId: 'acc-a' });
    try {
      const looked = (await own.getSummary(summary, caller())).meta?.dataAsOf?.seconds ?? 0n;
      await writer.freshness(new Date(Number(looked + 60n) * 1000).toISOString(), 3);
      const later = (await own.getAccountUsage(usage, caller('acc-a'))).meta?.dataAsOf?.seconds;
      expect(later).toBe(looked + 60n);
      expect((await own.getSummary(summary, caller())).meta?.dataAsOf?.seconds).toBe(later);
    } finally {
      await own.end();
    }
  });

  it('does not go back to a look that was on its way meanwhile', async () => {
    const real = createReadPool({
      url: { reveal: () => writer.database.url('analytics_platform') },
      size: 2,
    });
    let held = false;
    const [read, arrives] = [new AbortController(), new AbortController()];
    // A slow way back: Postgres has answered, and the answer is held.
    const statePool: ReadPool = {
      ...real,
      read: async (limits, work, how) => {
        const found = await real.read(limits, work, how);
        if (held) {
          read.abort();
          await aborted(arrives.signal);
        }
        return found;
      },
    };
    const options = { statePool, cacheEntries: 0, lookIntervalMs: 3_600_000 };
    const own = queriesAt(writer.database, '2026-03-10T12:00:01Z', options);
    const range = { start: '2026-03-10', end: '2026-03-11' };
    const summary = GetSummaryRequest.fromPartial({ range });
    const usage = GetAccountUsageRequest.fromPartial({ range, accountId: 'acc-a' });
    try {
      // What the summary needs is remembered, so that it needs nothing but a look.
      await own.getSummary(summary, caller());
      await writer.freshness('2026-03-10T13:00:00Z', 4);
      await own.getAccountUsage(usage, caller('acc-a'));
      held = true;
      const early = own.getSummary(summary, caller());
      await aborted(read.signal);
      held = false;
      await writer.freshness('2026-03-10T13:01:00Z', 5);
      const { meta } = await own.getAccountUsage(usage, caller('acc-a'));
      arrives.abort();
      await early;
      expect((await own.getSummary(summary, caller())).meta?.dataAsOf).toEqual(meta?.dataAsOf);
    } finally {
      await own.end();
      await real.end();
    }
  });
});

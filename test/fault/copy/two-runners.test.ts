// Two runners at once: the lock keeps the second one out, and a runner that has lost its session
// without knowing can neither move the checkpoint nor put an old row in front of a new one.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { FenceLost } from '../../../src/copy/postgres/checkpoint.js';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import { createClickHouse, createDatabase } from '../../support/engines.js';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
  await stage.change(manyChanges(200));
  await stage.run();
});
afterAll(() => stage.close());

test('a second runner does nothing while the first is at work', async () => {
  await stage.change(manyChanges(50, 2));
  let second: Awaited<ReturnType<Stage['run']>> | undefined;
  const first = await stage.run({
    onStep: async (step) => {
      if (step === 'loaded') second = await stage.run();
    },
  });
  expect(second).toEqual({ outcome: 'busy' });
  expect(first).toMatchObject({ outcome: 'copied' });
  await stage.expectEqualSides();
});

test('a stale runner that wakes up after a newer run changes nothing that counts', async () => {
  const bucket = '2026-10-21T12:00:00Z';
  await stage.change([{ bucket, account: 'stale', messages: 1 }]);
  let newer: Awaited<ReturnType<Stage['run']>> | undefined;
  const stale = stage.run({
    onStep: async (step) => {
      if (step !== 'snapshot taken' || newer !== undefined) return;
      // Its session is gone, so the lock is free; it goes on with what it has read.
      newer = { outcome: 'busy' };
      await stage.sql('SELECT pg_advisory_unlock_all()');
      await stage.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'anlyt-etl fence' AND datname = current_database()`,
      );
      await stage.change([{ bucket, account: 'stale', messages: 10 }]);
      newer = await stage.run();
    },
  });
  await expect(stale).rejects.toThrow(); // at the latest when it wants to move the checkpoint
  expect(newer).toMatchObject({ outcome: 'copied' });
  await stage.expectEqualSides();
  expect(await stage.ask(`SELECT messages FROM DB.outcomes WHERE account_id = 'stale'`)).toEqual([
    ['11'],
  ]);
});

test('a stale runner with a living session is refused by the epoch', async () => {
  await stage.change(manyChanges(30, 4));
  const stale = stage.run({
    onStep: async (step) => {
      if (step !== 'marked') return;
      // As if another runner had taken over: the next epoch is given out.
      await stage.sql('UPDATE etl_checkpoint SET epoch = epoch + 1');
    },
  });
  await expect(stale).rejects.toBeInstanceOf(FenceLost);
  expect(await stage.run()).toMatchObject({ outcome: 'copied' });
  await stage.expectEqualSides();
});

test('a stale runner whose session lives writes no mark', async () => {
  await stage.change(manyChanges(30, 5));
  const before = await stage.ask('SELECT max(epoch) FROM DB.copy_mark');
  const stale = stage.run({
    onStep: async (step) => {
      if (step === 'verified') await stage.sql('UPDATE etl_checkpoint SET epoch = epoch + 1');
    },
  });
  await expect(stale).rejects.toBeInstanceOf(FenceLost);
  expect(await stage.ask('SELECT max(epoch) FROM DB.copy_mark')).toEqual(before);
  expect(await stage.run()).toMatchObject({ outcome: 'copied' });
  await stage.expectEqualSides();
});

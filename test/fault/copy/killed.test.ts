// A runner that is killed, at every step in turn: whatever it left, the next run makes both sides
// equal.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import { createClickHouse, createDatabase } from '../../support/engines.js';

const steps = [
  ['fenced', 1],
  ['snapshot taken', 1],
  ['chunk loaded', 1],
  ['chunk loaded', 7],
  ['loaded', 1],
  ['verified', 1],
  ['marked', 1],
  ['checkpointed', 1],
  ['pruned', 1],
] as const;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
});
afterAll(() => stage.close());

async function dieAt(
  at: Stage,
  step: string,
  nth: number,
  full = false,
): Promise<NodeJS.Signals | null> {
  const { databaseUrl, warehouse, target } = at.ends;
  const child = spawn(
    process.execPath,
    [join(projectRoot, 'dist/test/fault/copy/runner.js'), step, String(nth)],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        DATABASE_URL: databaseUrl,
        CLICKHOUSE_URL: warehouse.url,
        CLICKHOUSE_DATABASE: target.database,
        FULL: full ? 'on' : 'off',
      },
    },
  );
  return new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
}

describe.each(steps)('killed when %s (%i)', (step, nth) => {
  test('a first copy is completed by the next run', async () => {
    await using own = await ownStage();
    await own.stage.change(manyChanges(300));
    expect(await dieAt(own.stage, step, nth)).toBe('SIGKILL');
    await own.stage.change(manyChanges(50, 3));
    expect(await own.stage.run()).toMatchObject({ outcome: 'copied' });
    await own.stage.expectEqualSides();
    expect(await own.stage.run()).toMatchObject({ outcome: 'copied', record: { rowsCopied: 0 } });
  });

  test('an incremental run is completed by the next one', async () => {
    await stage.change(manyChanges(100));
    await stage.run();
    await stage.change(manyChanges(60, nth + step.length));
    expect(await dieAt(stage, step, nth)).toBe('SIGKILL');
    await stage.change(manyChanges(20, 5));
    expect(await stage.run()).toMatchObject({ outcome: 'copied', record: { kind: 'changes' } });
    await stage.expectEqualSides();
    expect(await stage.run()).toMatchObject({ outcome: 'copied', record: { rowsCopied: 0 } });
    expect(await stage.sql('SELECT count(*)::text FROM rollup_change')).toEqual([['0']]);
    expect(await stage.sql(`SELECT FROM etl_run WHERE outcome = 'running'`)).toEqual([]);
    const [ended] = await stage.sql(
      `SELECT outcome, failure, finished_at IS NOT NULL FROM etl_run ORDER BY epoch DESC OFFSET 2 LIMIT 1`,
    );
    expect(ended).toEqual(['failed', 'cut off', true]);
  });
});

test('a full copy that is killed half-way is never seen by a view', async () => {
  await stage.change(manyChanges(100, 9));
  await stage.run();
  const before = await stage.ask(
    'SELECT copy, sum(messages) FROM DB.freshness, DB.outcomes GROUP BY copy',
  );
  expect(await dieAt(stage, 'chunk loaded', 3, true)).toBe('SIGKILL');
  expect(
    await stage.ask('SELECT copy, sum(messages) FROM DB.freshness, DB.outcomes GROUP BY copy'),
  ).toEqual(before);
  expect(await stage.run()).toMatchObject({ outcome: 'copied' });
  await stage.expectEqualSides();
});

async function ownStage(): Promise<{ stage: Stage } & AsyncDisposable> {
  const own = await openStage(await createDatabase(), createClickHouse());
  return { stage: own, [Symbol.asyncDispose]: () => own.close() };
}

// `anlyt-etl` as a process that stays: what ends --loop and what does not, and what a signal does
// to a run at work.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { environmentOf } from '../../integration/copy/command.js';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import { type ClickHouseProxy, proxyClickHouse } from '../../support/clickhouse-proxy.js';
import { createClickHouse, createDatabase } from '../../support/engines.js';

let stage: Stage;
let proxy: ClickHouseProxy;
let child: ChildProcess;
let began: string;
let seed = 0;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
  proxy = await proxyClickHouse(stage.ends.warehouse.url);
  await stage.change(manyChanges(80));
  await stage.run();
});
beforeEach(async () => {
  proxy.judge = () => 'pass';
  seed += 1;
  await stage.change(manyChanges(40, seed));
  [[began = ''] = []] = await stage.sql('SELECT clock_timestamp()::text');
});
afterEach(() => void child.kill('SIGKILL'));
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await stage.close();
});

/** Starts the job; its exit code. */
function job(...args: string[]): Promise<number | null> {
  child = spawn(process.execPath, [join(projectRoot, 'dist/src/bin/etl.js'), 'run', ...args], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'fatal',
      EXIT_WITH_PARENT: 'on',
      ...environmentOf(stage.ends),
      CLICKHOUSE_URL: proxy.url,
    },
  });
  return new Promise((resolve) => child.once('exit', resolve));
}

const isLoad = (statement: string): boolean => /^INSERT INTO \S+_copy\b/.test(statement);

async function count(outcome: string): Promise<number> {
  const [row] = await stage.sql(
    'SELECT count(*)::text FROM etl_run WHERE started_at > $1 AND outcome = $2',
    [began, outcome],
  );
  return Number(row?.[0]);
}

async function counted(outcome: string, atLeast: number): Promise<void> {
  while ((await count(outcome)) < atLeast) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('--loop copies again and again, outlives an outage, and a signal ends it with 0', async () => {
  const ended = job('--loop', '1');
  await counted('copied', 2);
  proxy.judge = (statement) => (isLoad(statement) ? 243 : 'pass');
  await stage.change(manyChanges(10, 77));
  await counted('failed', 1);
  proxy.judge = () => 'pass';
  await counted('copied', (await count('copied')) + 1);
  await stage.expectEqualSides();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test.each([
  ['--loop', ['--loop', '1']],
  ['a single run', []],
])(
  'a signal lets the run at work of %s be finished, and nothing is begun after it',
  async (_, args) => {
    let signalled = false;
    proxy.judge = (statement) => {
      if (isLoad(statement) && !signalled) signalled = child.kill('SIGTERM');
      return 'pass';
    };
    expect(await job(...args)).toBe(0);
    expect(signalled).toBe(true);
    expect(await stage.sql('SELECT outcome FROM etl_run WHERE started_at > $1', [began])).toEqual([
      ['copied'],
    ]);
    await stage.expectEqualSides();
  },
);

test('a run that does not end within 20 seconds of a signal is cut off with 5, and the next one continues', async () => {
  let signalledMs = 0;
  proxy.judge = (statement) => {
    if (!isLoad(statement)) return 'pass';
    if (signalledMs === 0) child.kill('SIGTERM');
    signalledMs ||= performance.now();
    return 'lose'; // it waits for an answer
  };
  expect(await job('--loop', '1')).toBe(5);
  expect(performance.now() - signalledMs).toBeGreaterThan(19_000);
  proxy.judge = () => 'pass';
  expect(await job()).toBe(0);
  await stage.expectEqualSides();
});

test('a difference that sending again does not cure ends --loop with 4', async () => {
  await stage.run();
  const { database } = stage.ends.target;
  await stage.clickhouse.command({
    query: `INSERT INTO ${database}.throughput_copy SELECT * REPLACE (accepted + 1 AS accepted, 999999 AS version)
            FROM ${database}.throughput_copy FINAL WHERE copy = (SELECT copy FROM ${database}.freshness) LIMIT 1`,
  });
  expect(await job('--loop', '1', '--slice-days', '400')).toBe(4);
  expect(await count('mismatch')).toBe(1);
  expect(await job('--full')).toBe(0);
  await stage.expectEqualSides();
});

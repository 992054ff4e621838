// ClickHouse goes wrong in the middle of a run: slow, full, an answer lost or broken off. The job
// as a process ends with the code and the words for it, nothing is marked, and the next run makes
// both sides equal.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { anlytEtl, type Ended, environmentOf } from '../../integration/copy/command.js';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import {
  type ClickHouseProxy,
  proxyClickHouse,
  type Verdict,
} from '../../support/clickhouse-proxy.js';
import { createClickHouse, createDatabase } from '../../support/engines.js';

let stage: Stage;
let proxy: ClickHouseProxy;
let seed = 1;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
  proxy = await proxyClickHouse(stage.ends.warehouse.url);
  await stage.change(manyChanges(80));
  await stage.run();
});
beforeEach(async () => {
  seed += 1;
  proxy.judge = () => 'pass';
  await stage.change(manyChanges(40, seed));
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await stage.close();
});

const environment = (): NodeJS.ProcessEnv => ({
  ...environmentOf(stage.ends),
  CLICKHOUSE_URL: proxy.url,
  CLICKHOUSE_TIMEOUT_MS: '2000',
});
const etl = (...args: string[]): Promise<Ended> => anlytEtl(args, environment());
const newestEpoch = () => stage.ask('SELECT epoch FROM DB.freshness');
const isLoad = (statement: string): boolean => /^INSERT INTO \S+_copy\b/.test(statement);

test('an insert whose answer is lost is sent again, and its rows are stored once', async () => {
  const rowCount = (final: string) =>
    stage.ask(
      `SELECT count() FROM DB.outcome_copy ${final} WHERE copy = (SELECT copy FROM DB.freshness)`,
    );
  await stage.run({ full: true }); // a copy of its own, in which nothing was replaced yet
  const bucket = `2027-01-0${seed}T00:00:00Z`;
  await stage.change([{ bucket, account: 'once', messages: 5 }]);
  let lostCount = 0;
  proxy.judge = (statement) => {
    if (!statement.includes('outcome_copy') || !isLoad(statement) || lostCount > 0) return 'pass';
    lostCount++;
    return 'lose';
  };
  expect(await etl()).toMatchObject({ code: 0, err: '' });
  expect(lostCount).toBe(1);
  expect(await rowCount('')).toEqual(await rowCount('FINAL'));
  await stage.expectEqualSides();
});

const troubles: [string, () => Verdict, RegExp][] = [
  ['slow: no insert is answered in time', () => 'lose', /cannot be reached or does not answer/],
  ['full: no space after the first insert', fullAfter(1), /has no room for more; make room/],
  ['too many parts', () => 252, /has no room for more; make room/],
];

function fullAfter(count: number): () => Verdict {
  let loads = 0;
  return () => (loads++ < count ? 'pass' : 243);
}

test.each(troubles)(
  '%s: ends with 5, nothing is marked, the next run continues',
  async (_, trouble, words) => {
    const before = await newestEpoch();
    proxy.judge = (statement) => (isLoad(statement) ? trouble() : 'pass');
    const ended = await etl();
    expect(ended.err).toMatch(words);
    expect(ended.err).toMatch(/loading \d+ rows into/);
    expect(ended.code).toBe(5);
    expect(await newestEpoch()).toEqual(before);
    proxy.judge = () => 'pass';
    expect(await etl()).toMatchObject({ code: 0, err: '' });
    await stage.expectEqualSides();
  },
);

test('an answer that breaks off ends with 5', async () => {
  proxy.judge = (statement) => (statement === '' ? 'cut' : 'pass'); // questions travel in the body
  const ended = await etl();
  expect(ended.err).toMatch(/cannot be reached or does not answer/);
  expect(ended.code).toBe(5);
  proxy.judge = () => 'pass';
  expect(await etl()).toMatchObject({ code: 0, err: '' });
  await stage.expectEqualSides();
});

test('a mark whose answer is lost is no lost run', async () => {
  proxy.judge = (statement) => (statement.includes('copy_mark') ? 'lose' : 'pass');
  expect(await etl()).toMatchObject({ code: 5 });
  proxy.judge = () => 'pass';
  expect(await etl()).toMatchObject({ code: 0, err: '' });
  await stage.expectEqualSides();
});

test('a run beside another one ends with 3, or with 0 for a scheduler', async () => {
  let second: Ended | undefined;
  let skipped: Ended | undefined;
  await stage.run({
    onStep: async (step) => {
      if (step !== 'loaded') return;
      second = await etl();
      skipped = await etl('run', '--skip-when-busy');
    },
  });
  expect(second).toMatchObject({ code: 3 });
  expect(skipped).toMatchObject({ code: 0 });
});

test('two sides that differ for good end with 4, and the days are printed', async () => {
  await stage.run();
  const { database } = stage.ends.target;
  await stage.clickhouse.command({
    query: `INSERT INTO ${database}.throughput_copy SELECT * REPLACE (accepted + 1 AS accepted, 999999 AS version)
            FROM ${database}.throughput_copy FINAL WHERE copy = (SELECT copy FROM ${database}.freshness) LIMIT 1`,
  });
  const ended = await etl('run', '--slice-days', '400');
  expect(ended.code).toBe(4);
  expect(ended.out).toMatch(/^throughput 20\d\d-\d\d-\d\d: .*accepted/m);
  expect(ended.err).toMatch(/anlyt-etl run --full/);
  expect(await etl('run', '--full')).toMatchObject({ code: 0 });
  await stage.expectEqualSides();
});

test('tables of a newer build end the job with 6 and the advice to use that build', async () => {
  const { database } = stage.ends.target;
  await stage.clickhouse.command({
    query: `INSERT INTO ${database}.schema_migration (number, name) VALUES (99, 'of tomorrow')`,
  });
  const ended = await etl();
  expect(ended.err).toMatch(
    /ClickHouse is at migration 99, this build knows \d+: use the newer build/,
  );
  expect(ended.code).toBe(6);
});

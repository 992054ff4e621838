// What no comparison of days sees: views that are gone or say something else, tables of another
// engine, rows after the last day of Postgres, a ClickHouse that was emptied. Each is told by `run`
// and by `verify`, and each has its cure.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClickHouse, createDatabase } from '../../support/engines.js';
import { anlytEtl, environmentOf } from './command.js';
import { manyChanges, openStage, type Stage } from './stage.js';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(await createDatabase(), createClickHouse());
  await stage.change(manyChanges(60));
  await stage.run();
});
afterAll(() => stage.close());

const etl = (...args: string[]) => anlytEtl(args, environmentOf(stage.ends));
const command = (query: string) =>
  stage.clickhouse.command({ query: query.replaceAll('DB.', `${stage.ends.target.database}.`) });

test.each([
  ['a view that is gone', 'DROP VIEW DB.money', /money is missing/],
  [
    'a view that shows only what was delivered',
    `CREATE OR REPLACE VIEW DB.outcomes AS SELECT * FROM DB.outcome_copy FINAL WHERE outcome = 'DELIVERED'`,
    /outcomes is a view of something else/,
  ],
  ['a table in place of a view', 'TABLE', /throughput is a MergeTree, must be a view/],
])('%s: run and verify end with 6, and migrate makes it anew', async (_, damage, message) => {
  if (damage === 'TABLE') {
    await command('DROP VIEW DB.throughput');
    await command('CREATE TABLE DB.throughput (a Int8) ENGINE = MergeTree ORDER BY a');
  } else await command(damage);
  for (const verb of ['run', 'verify']) {
    const told = await etl(verb);
    expect(told.err, verb).toMatch(message);
    expect(told.err.slice(0, 256)).toContain('`anlyt-etl migrate`');
    expect(told.code).toBe(6);
  }
  if (damage === 'TABLE') await command('DROP TABLE DB.throughput');
  expect(await etl('migrate')).toMatchObject({ code: 0 });
  expect(await etl('verify')).toMatchObject({ code: 0 });
  await stage.expectEqualSides();
});

test('a table of another engine or order is drift, not an error of a query', async () => {
  const [[statement = ''] = []] = await stage.ask('SHOW CREATE TABLE DB.latency_copy');
  const variants = [
    ['ReplacingMergeTree(version)', 'MergeTree', /latency_copy is a MergeTree\b/],
    ['ReplacingMergeTree(version)', 'ReplacingMergeTree', /latency_copy is a ReplacingMergeTree\b/],
    ['toDate(bucket), operator_id', 'operator_id, toDate(bucket)', /latency_copy is ordered by/],
  ] as const;
  for (const [right, wrong, message] of variants) {
    expect(statement).toContain(right);
    await command('DROP TABLE DB.latency_copy SYNC');
    await command(statement.replace(right, wrong));
    for (const verb of ['run', 'verify']) {
      const told = await etl(verb);
      expect(told.err, verb).toMatch(message);
      expect(told.code).toBe(6);
    }
  }
  await command('DROP TABLE DB.latency_copy SYNC');
  await command(statement);
  expect(await etl('run', '--full')).toMatchObject({ code: 0 });
  await stage.expectEqualSides();
});

test('rows after the last day of Postgres are a difference to run and verify; days before the first are not', async () => {
  const [[generation, copy] = []] = await stage.ask(
    'SELECT generation, copy FROM DB.copy_mark ORDER BY epoch DESC LIMIT 1',
  );
  const row = (day: string) =>
    command(
      `INSERT INTO DB.throughput_copy VALUES (${generation}, ${copy}, '${day} 10:00:00', '41220', 5, 5, 1)`,
    );
  await row('2020-01-01');
  expect(await etl('verify')).toMatchObject({ code: 0 });
  await row('2027-03-04');
  for (const verb of ['verify', 'run']) {
    const told = await etl(verb);
    expect(told.out, verb).toMatch(/^throughput 2027-03-04: rows 0 ≠ 1/m);
    expect(told.code, verb).toBe(4);
  }
  expect(await etl('run', '--full')).toMatchObject({ code: 0 });
  expect(await etl('verify')).toMatchObject({ code: 0 });
});

test('verify says that ClickHouse was emptied, and the next run copies anew', async () => {
  await command('TRUNCATE TABLE DB.copy_mark');
  const told = await etl('verify');
  expect(told.out).toMatch(/ClickHouse was emptied; the next run copies anew/);
  expect(told.code).toBe(4);
  expect(await etl('run')).toMatchObject({ code: 0 });
  expect(await etl('verify')).toMatchObject({ code: 0 });
  await stage.expectEqualSides();
});

test('a run that finds a table of the copy without rows copies everything anew', async () => {
  await command('TRUNCATE TABLE DB.money_copy');
  expect(await stage.run({ sliceDays: 0 })).toMatchObject({
    outcome: 'copied',
    record: { kind: 'full', cause: 'ClickHouse lost a table' },
  });
  await stage.expectEqualSides();
  await stage.change([{ bucket: '2026-10-30T00:00:00Z', messages: 7 }]);
  expect(await stage.run()).toMatchObject({ outcome: 'copied', record: { kind: 'changes' } });
});

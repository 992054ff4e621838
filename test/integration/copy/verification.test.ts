// The verification itself: every kind of difference is seen, both engines write the same
// fingerprint of the same rows, and `anlyt-etl verify` prints what differs.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClickHouse, createDatabase, type TestDatabase } from '../../support/engines.js';
import { anlytEtl, environmentOf } from './command.js';
import { manyChanges, openStage, type Stage } from './stage.js';

let stage: Stage;
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  stage = await openStage(database, createClickHouse());
  await stage.change(manyChanges(150));
  await stage.run();
});
afterAll(() => stage.close());

const etl = (...args: string[]) => anlytEtl(args, environmentOf(stage.ends));

test('the command copies, verifies and ends with 0', async () => {
  await stage.change(manyChanges(20, 2));
  expect(await etl()).toMatchObject({ code: 0 });
  const verified = await etl('verify');
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.out).toMatch(/days of rollups compared, 0 differ; 0 buckets changed/);
  await stage.expectEqualSides();
});

test('verify leaves out what changed since the last run, and only that', async () => {
  await stage.change([{ bucket: '2026-10-30T00:00:00Z', messages: 7 }]);
  const verified = await etl('verify');
  expect(verified.out).toMatch(/0 differ; 4 buckets changed since the last run/);
  expect(verified.code).toBe(0);
  await stage.run();
});

const damages = [
  [
    'a lost row',
    'outcome_copy',
    "DELETE WHERE account_id = 'acc-3'",
    /outcomes 2026-\d\d-\d\d: rows/,
  ],
  [
    'a changed count',
    'throughput_copy',
    "UPDATE accepted = accepted + 1 WHERE operator_id = '41201'",
    /throughput .*: accepted/,
  ],
  [
    'counts that were exchanged',
    'latency_copy',
    "UPDATE messages = messages + if(operator_id = '41201', 1, -1) WHERE operator_id IN ('41201', '41202')",
    /latency .*: (messages|checksum)/,
  ],
  [
    'another amount',
    'money_copy',
    "UPDATE charged = charged + toDecimal128('0.000000001', 9) WHERE account_id = 'acc-5'",
    /money .*: charged/,
  ],
] as const;

test.each(damages)(
  'verify sees %s in ClickHouse, prints it and ends with 4',
  async (_, table, damage, line) => {
    await stage.clickhouse.command({
      query: `ALTER TABLE ${stage.ends.target.database}.${table} ${damage}`,
      clickhouse_settings: { mutations_sync: '2' },
    });
    const verified = await etl('verify');
    expect(verified.out).toMatch(line);
    expect(verified.code).toBe(4);
    await stage.run({ full: true });
    await stage.expectEqualSides();
  },
);

test('days that Postgres no longer retains stay in the copy and are not taken for a difference', async () => {
  const total = () => stage.ask('SELECT sum(messages) FROM DB.outcomes');
  const before = await total();
  await stage.sql(`DELETE FROM outcome_account WHERE bucket < '2026-10-22'`);
  expect(await stage.run({ sliceDays: 400 })).toMatchObject({
    outcome: 'copied',
    record: { daysResent: 0 },
  });
  expect(await etl('verify')).toMatchObject({ code: 0 });
  expect(await total()).toEqual(before);
});

test('wrong arguments and missing settings end with 2 and name every fault', async () => {
  expect(await etl('--loop', 'soon')).toMatchObject({ code: 2 });
  const { code, err } = await anlytEtl([], {});
  expect(code).toBe(2);
  expect(err).toContain('DATABASE_URL');
  expect(err).toContain('CLICKHOUSE_URL');
});

test('drop-old drops superseded copies, and nothing that a view reads', async () => {
  await stage.run({ full: true });
  const copies = () => stage.ask('SELECT DISTINCT copy FROM DB.outcome_copy');
  expect((await copies()).length).toBeGreaterThan(1);
  expect(await etl('drop-old')).toMatchObject({ code: 0 });
  expect((await copies()).length).toBe(1);
  await stage.expectEqualSides();
});

test('the role of the job reads rollups and the change log, and neither ledger nor refunds nor dead letters', async () => {
  const client = new pg.Client({ connectionString: database.url('analytics_etl') });
  await client.connect();
  for (const table of [
    'outcome_account',
    'money_account',
    'latency_platform',
    'throughput_platform',
  ]) {
    await client.query(`SELECT FROM ${table}`);
    await expect(client.query(`DELETE FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
  }
  for (const table of ['ledger', 'refund', 'dead_letter', 'audit_record']) {
    await expect(client.query(`SELECT FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
  }
  await client.end();
});

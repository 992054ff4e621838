import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClickHouse, createDatabase, type TestDatabase } from '../../support/engines.js';
import { manyChanges, openStage, type Stage } from './stage.js';

let stage: Stage;
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  stage = await openStage(database, createClickHouse());
});
afterAll(() => stage.close());

test('the first run copies everything, and a second one finds nothing to do', async () => {
  await stage.change(manyChanges(300));
  const first = await stage.run();
  expect(first).toMatchObject({
    outcome: 'copied',
    record: { kind: 'full', cause: 'first copy', daysDifferent: 0 },
  });
  await stage.expectEqualSides();

  const second = await stage.run();
  expect(second).toMatchObject({ outcome: 'copied', record: { kind: 'changes', rowsCopied: 0 } });
  await stage.expectEqualSides();
});

test('a run copies the rows of changed buckets only, and prunes the change log', async () => {
  await stage.change([{ bucket: '2026-10-21T10:00:00Z', account: 'solo', messages: 4 }]);
  const bucketRows = await stage.sql(
    `SELECT count(*)::text FROM outcome_account WHERE bucket = '2026-10-21T10:00:00Z'`,
  );
  const result = await stage.run();
  const others = 3; // the money row of 'solo', one latency bin, one minute; each bucket may hold older rows too
  expect(result).toMatchObject({ outcome: 'copied', record: { kind: 'changes' } });
  if (result.outcome !== 'copied') throw new Error('not copied');
  expect(result.record.rowsCopied).toBeGreaterThanOrEqual(Number(bucketRows[0]?.[0]) + others);
  expect(result.record.rowsCopied).toBeLessThan(50);
  expect(result.record.changesPruned).toBe(4);
  expect(await stage.sql('SELECT count(*)::text FROM rollup_change')).toEqual([['0']]);
  await stage.expectEqualSides();
});

test('a row that falls to zero disappears from the views', async () => {
  const bucket = '2026-10-22T00:00:00Z';
  await stage.change([{ bucket, account: 'moved', outcome: 'PENDING', messages: 3 }]);
  await stage.run();
  expect(await stage.ask(`SELECT messages FROM DB.outcomes WHERE account_id = 'moved'`)).toEqual([
    ['3'],
  ]);
  await stage.change([
    { bucket, account: 'moved', outcome: 'PENDING', messages: -3 },
    { bucket, account: 'moved', outcome: 'DELIVERED', messages: 3 },
  ]);
  await stage.run();
  expect(
    await stage.ask(`SELECT outcome, messages FROM DB.outcomes WHERE account_id = 'moved'`),
  ).toEqual([['DELIVERED', '3']]);
  await stage.expectEqualSides();
});

test('a transaction that is open during a run is neither skipped nor waited for', async () => {
  const slow = new pg.Client({ connectionString: database.superuserUrl });
  await slow.connect();
  await slow.query('BEGIN');
  await stage.change([{ bucket: '2026-10-23T00:00:00Z', account: 'slow', messages: 5 }], slow);
  await stage.change([{ bucket: '2026-10-23T00:15:00Z', account: 'quick', messages: 6 }]); // later id, earlier commit
  expect(await stage.run()).toMatchObject({ outcome: 'copied' });
  await stage.expectEqualSides();
  expect(await stage.sql('SELECT count(*)::text FROM rollup_change')).toEqual([['0']]); // slow's are not visible yet
  expect(await stage.run()).toMatchObject({ outcome: 'copied', record: { rowsCopied: 0 } });

  await slow.query('COMMIT');
  await slow.end();
  expect(await stage.run()).toMatchObject({ outcome: 'copied' });
  expect(await stage.ask(`SELECT messages FROM DB.outcomes WHERE account_id = 'slow'`)).toEqual([
    ['5'],
  ]);
  await stage.expectEqualSides();
  expect(await stage.sql('SELECT count(*)::text FROM rollup_change')).toEqual([['0']]);
});

test('a lost row is found by the rotating slice and its day is sent again', async () => {
  await stage.clickhouse.command({
    query: `ALTER TABLE ${stage.ends.target.database}.outcome_copy DELETE WHERE account_id = 'solo'`,
    clickhouse_settings: { mutations_sync: '2' },
  });
  const result = await stage.run({ sliceDays: 400 });
  expect(result).toMatchObject({ outcome: 'copied', record: { daysResent: 1, daysDifferent: 0 } });
  await stage.expectEqualSides();
});

test('a row that no resending can cure is an alarm, views stand still, and a full copy heals it', async () => {
  const { database: name } = stage.ends.target;
  await stage.clickhouse.command({
    query: `INSERT INTO ${name}.outcome_copy SELECT * REPLACE (messages + 1 AS messages, 999999 AS version)
            FROM ${name}.outcome_copy FINAL WHERE account_id = 'quick'`,
  });
  await stage.change([{ bucket: '2026-10-24T00:00:00Z', messages: 1 }]);
  const before = await stage.ask('SELECT epoch FROM DB.freshness');
  const broken = await stage.run({ sliceDays: 400 });
  expect(broken).toMatchObject({
    outcome: 'mismatch',
    days: [{ day: '2026-10-23', difference: expect.stringContaining('messages') }],
  });
  expect(await stage.ask('SELECT epoch FROM DB.freshness')).toEqual(before);
  expect(await stage.sql(`SELECT outcome FROM etl_run ORDER BY epoch DESC LIMIT 1`)).toEqual([
    ['mismatch'],
  ]);

  expect(await stage.run({ full: true })).toMatchObject({
    outcome: 'copied',
    record: { cause: 'asked for' },
  });
  await stage.expectEqualSides();
});

test('a new generation arrives completely, and no row of the old one wins', async () => {
  await stage.sql(`SELECT create_generation_partitions(2::smallint)`);
  await stage.sql(
    `INSERT INTO generation (generation, state, durable) VALUES (2, 'building', 'g2')`,
  );
  await stage.sql(
    `INSERT INTO outcome_account SELECT 2, grain_minutes, bucket, account_id, operator_id, outcome, reason,
       messages + 1, segments, contradicted, 1 FROM outcome_account WHERE generation = 1 AND account_id <> 'solo'`,
  );
  await stage.sql(`UPDATE generation SET state = 'retired' WHERE generation = 1`);
  await stage.sql(`UPDATE generation SET state = 'serving' WHERE generation = 2`);
  expect(await stage.run()).toMatchObject({
    outcome: 'copied',
    record: { kind: 'full', cause: 'new generation', generation: 2 },
  });
  await stage.expectEqualSides();
  await stage.change([{ bucket: '2026-10-25T00:00:00Z', messages: 2 }]);
  expect(await stage.run()).toMatchObject({ outcome: 'copied', record: { kind: 'changes' } });
  await stage.expectEqualSides();
});

test('lag is visible in Postgres when no job is running', async () => {
  const rows = await stage.sql(`SELECT last_outcome, seconds_since_success < 60 FROM etl_lag`);
  expect(rows).toEqual([['copied', true]]);
});

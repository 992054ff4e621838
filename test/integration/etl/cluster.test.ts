// The variant for a cluster, judged by ClickHouse itself as far as one server can: each statement is read by its parser,
// and each table is accepted up to the Keeper that a single process has not.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MIGRATIONS } from '../../../src/warehouse/clickhouse/migrate.js';
import { startClickHouse } from '../../support/engines.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const database = 'sms_analytics';
let engine: Awaited<ReturnType<typeof startClickHouse>>;
let client: ClickHouseClient;

beforeAll(async () => {
  const configFile = join(await temporaryDirectory('cluster'), 'config.xml');
  const macros = '<macros><shard>1</shard><replica>r1</replica></macros>';
  await writeFile(configFile, `<clickhouse>${macros}</clickhouse>`);
  engine = await startClickHouse({ configFile });
  client = createClient({ url: engine.url, log: { level: 127 } });
});
afterAll(async () => {
  await client.close();
  await engine.stop();
});

const cluster = 'north-east.1'; // what needs quoting
const statements = MIGRATIONS.flatMap((one) => one.statements({ database, cluster }));
const tables = statements.filter((sql) => sql.startsWith('CREATE TABLE'));
const views = statements.filter((sql) => sql.startsWith('CREATE OR REPLACE VIEW'));
const here = (sql: string): string => sql.replace(` ON CLUSTER \`${cluster}\``, '');

const codeOf = (query: string): Promise<string | undefined> =>
  client.command({ query }).then(
    () => undefined,
    (error: { code?: string }) => error.code ?? String(error),
  );

async function read(sql: string): Promise<string> {
  const query = 'SELECT formatQuery({sql:String})';
  const result = await client.query({ query, query_params: { sql }, format: 'TabSeparatedRaw' });
  return result.text();
}

test('every statement is read as one ON CLUSTER, and each is a table or a view', async () => {
  for (const sql of statements) expect(await read(sql)).toContain(`ON CLUSTER \`${cluster}\``);
  expect(tables.length).toBe(5);
  expect(views.length).toBe(5);
  expect(statements.length).toBe(10);
});

test('a replicated table is accepted but for the Keeper, with its key, partitions, codecs and settings', async () => {
  await client.command({ query: `CREATE DATABASE ${database}` });
  const [first = ''] = tables;
  const NO_ZOOKEEPER = '225';
  for (const sql of tables) expect(await codeOf(here(sql)), sql).toBe(NO_ZOOKEEPER);
  // What is wrong is told before the Keeper is asked for.
  const wrong = [
    ['replicated_deduplication_window', 'replicated_deduplication_widow', '115'], // UNKNOWN_SETTING
    ['generation UInt16', 'generation UInt61', '50'], // UNKNOWN_TYPE
    ['CODEC(T64, ', 'CODEC(T46, ', '432'], // UNKNOWN_CODEC
    ['ORDER BY (generation', 'ORDER BY (regeneration', '47'], // UNKNOWN_IDENTIFIER
  ] as const;
  for (const [right, spoilt, code] of wrong) {
    expect(first).toContain(right);
    expect(await codeOf(here(first).replace(right, spoilt)), spoilt).toBe(code);
  }
});

test('a cluster that the server does not know is an error, not a single table', async () => {
  const CLUSTER_DOESNT_EXIST = '701';
  for (const sql of tables) expect(await codeOf(sql)).toBe(CLUSTER_DOESNT_EXIST);
  const result = await client.query({
    query: 'SELECT count() FROM system.tables WHERE database = {database:String}',
    query_params: { database },
    format: 'TabSeparated',
  });
  expect(await result.text()).toBe('0\n');
});

// The variant for a cluster, judged by ClickHouse itself as far as one server can: each statement
// is read by its parser, and each table is accepted up to the Keeper that a single process has not.

import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectWarehouse } from '../../../src/copy/clickhouse/connect.js';
import { loadChunk } from '../../../src/copy/clickhouse/load.js';
import { greatestCopy, newestMark, writeMark } from '../../../src/copy/clickhouse/marks.js';
import { MIGRATIONS } from '../../../src/copy/clickhouse/migrate.js';
import {
  insertSettings,
  insertsAtOnce,
  readSettings,
} from '../../../src/copy/clickhouse/replication.js';
import { COPIED_ROLLUPS } from '../../../src/rollups/copied-rollup.js';
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

test('on a cluster every write asks for a majority, and every read for all such writes', async () => {
  const asked: URLSearchParams[] = [];
  const server = createServer((request, answer) => {
    asked.push(new URL(request.url ?? '/', 'http://clickhouse').searchParams);
    request.resume().once('end', () => answer.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const recorded = connectWarehouse({ url, username: 'etl', password: '' });
  const target = { database, cluster };
  const [rollup] = COPIED_ROLLUPS;
  if (rollup === undefined) throw new Error('no rollup');
  await loadChunk(recorded, target, rollup, { bytes: Buffer.from('x\n'), rowCount: 1 }, 'scope');
  await writeMark(recorded, target, {
    generation: 1,
    copy: 1n,
    epoch: 1n,
    runId: 'run',
    snapshot: '1:1:',
    dataAsOf: null,
    settlingSeconds: 0,
    revision: '0',
  });
  await newestMark(recorded, target);
  await greatestCopy(recorded, target);
  await recorded.close();
  server.close();
  const said = asked.map((settings) =>
    ['insert_quorum', 'insert_quorum_parallel', 'select_sequential_consistency'].map((name) =>
      settings.get(name),
    ),
  );
  const write = ['auto', '0', null];
  const read = [null, null, '1'];
  expect(said).toEqual([write, write, read, read]);
  expect(insertsAtOnce(target)).toBe(1); // a second one beside it would be refused
  // The names and the values are ClickHouse's own.
  const clickhouse_settings = { ...insertSettings(target), ...readSettings };
  await client.command({ query: 'SELECT 1', clickhouse_settings });
});

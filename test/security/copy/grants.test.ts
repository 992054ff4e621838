// deploy/clickhouse/grants.sql under ClickHouse's own access control: the engine runs with one user
// who has exactly the grants of the owner, the job or an analyst, one after the other on the same
// directory. Each can do its work, and nothing else.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Child } from '../../../deploy/local/engines/child.js';
import { startClickHouse } from '../../../deploy/local/engines/clickhouse/clickhouse.js';
import { freePorts } from '../../../deploy/local/engines/ports.js';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { anlytEtl, type Ended, environmentOf } from '../../integration/copy/command.js';
import { manyChanges, openStage, type Stage } from '../../integration/copy/stage.js';
import { createDatabase } from '../../support/engines.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const database = 'sms_analytics';
type Grantee = 'anlyt_etl_owner' | 'anlyt_etl' | 'sms_analyst';

let directory: string;
let port: number;
let statements: string[];
let stage: Stage;
let engine: Child | undefined;
let client: ClickHouseClient;

beforeAll(async () => {
  directory = await temporaryDirectory('grants');
  [port = 0] = await freePorts(1);
  const text = await readFile(join(projectRoot, 'deploy/clickhouse/grants.sql'), 'utf8');
  statements = text
    .replaceAll(/^--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
  const url = `http://127.0.0.1:${port}`;
  client = createClient({ url, log: { level: 127 } });
  stage = await openStage(await createDatabase(), { url, database });
  await stage.change(manyChanges(60));
});
afterEach(() => leave());
afterAll(async () => {
  await Promise.all([client.close(), stage.close()]);
});

const leave = async (): Promise<void> => {
  await engine?.stop();
  engine = undefined;
};

/** `GRANT … ON … TO grantee` of the file, as users.xml has them. */
function grantsOf(grantee: Grantee): string[] {
  return statements.flatMap((statement) => {
    const [, grant, to] = /^(GRANT .*) TO (\w+)$/s.exec(statement) ?? [];
    return grant !== undefined && to === grantee ? [grant] : [];
  });
}

/** From now on whoever asks has these grants only; undefined: every one. */
async function become(grants: readonly string[] | undefined): Promise<void> {
  await leave();
  const queries = grants?.map((grant) => `<query>${grant}</query>`).join('') ?? '';
  const users = join(directory, 'users.xml');
  const configFile = join(directory, 'config.xml');
  await mkdir(directory, { recursive: true });
  await writeFile(
    users,
    `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default>
       <password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
       ${grants === undefined ? '' : `<grants>${queries}</grants>`}
     </default></users></clickhouse>`,
  );
  await writeFile(
    configFile,
    `<clickhouse><users_config>${users}</users_config><user_directories><users_xml><path>${users}</path></users_xml></user_directories></clickhouse>`,
  );
  const dataDir = join(directory, 'data');
  engine = await startClickHouse({
    port,
    dataDir,
    configFile,
    logFile: join(directory, 'clickhouse.log'),
  });
}

const etl = (...args: string[]): Promise<Ended> => anlytEtl(args, environmentOf(stage.ends));

/** The code with which ClickHouse answers; '' where it does what it was asked. */
async function codeOf(query: string): Promise<string> {
  try {
    await client.command({ query });
    return '';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const ACCESS_DENIED = '497';
const copies = ['outcome_copy', 'money_copy', 'latency_copy', 'throughput_copy', 'copy_mark'];
const beyondEveryone = [
  'CREATE USER intruder',
  `GRANT SELECT ON ${database}.* TO default`,
  'CREATE DATABASE elsewhere',
  'SELECT * FROM secret.t',
  `SELECT * FROM file('x.csv', 'CSV', 'a String')`,
  `SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')`,
  'SYSTEM FLUSH LOGS',
  `DROP DATABASE ${database}`,
];

test('every statement of the file is one that ClickHouse can read', async () => {
  await become(undefined);
  expect(statements.length).toBeGreaterThan(10);
  for (const sql of statements) {
    const read = await client.query({
      query: 'SELECT formatQuery({sql:String})',
      query_params: { sql },
    });
    expect(await read.text(), sql).not.toBe('');
  }
  await client.command({ query: 'CREATE DATABASE secret' });
  await client.command({ query: 'CREATE TABLE secret.t (a Int8) ENGINE = MergeTree ORDER BY a' });
});

describe('the owner', () => {
  test('migrates, and cannot do more than the schema of this database needs', async () => {
    await become(grantsOf('anlyt_etl_owner'));
    const migrated = await etl('migrate');
    expect(migrated.err).toBe('');
    expect(migrated.out).toMatch(/applied migrations 1, 2/);
    expect(await etl('migrate')).toMatchObject({
      code: 0,
      out: 'nothing to migrate; views made anew\n',
    });
    for (const query of beyondEveryone) expect(await codeOf(query), query).toBe(ACCESS_DENIED);
  });
});

describe('the job', () => {
  test('copies and verifies', async () => {
    await become(grantsOf('anlyt_etl'));
    expect(await etl()).toMatchObject({ code: 0, err: '' });
    await stage.change(manyChanges(20, 2));
    expect(await etl('run', '--full')).toMatchObject({ code: 0, err: '' });
    expect((await etl('verify')).out).toMatch(/days of rollups compared, 0 differ/);
  });

  test('can change, drop, truncate or create nothing, and reads no other table', async () => {
    await become(grantsOf('anlyt_etl'));
    const refused = [
      ...beyondEveryone,
      ...copies.flatMap((table) => [
        `DROP TABLE ${database}.${table}`,
        `TRUNCATE TABLE ${database}.${table}`,
        `ALTER TABLE ${database}.${table} DELETE WHERE 1`,
        `ALTER TABLE ${database}.${table} ADD COLUMN x Int8`,
        `OPTIMIZE TABLE ${database}.${table} FINAL`,
      ]),
      `ALTER TABLE ${database}.outcome_copy UPDATE messages = 0 WHERE 1`,
      `ALTER TABLE ${database}.outcome_copy DROP PARTITION (1, 1, 202610)`,
      `CREATE TABLE ${database}.mine (a Int8) ENGINE = MergeTree ORDER BY a`,
      `CREATE OR REPLACE VIEW ${database}.outcomes AS SELECT 1`,
      `INSERT INTO ${database}.schema_migration (number, name) VALUES (99, 'mine')`,
    ];
    for (const query of refused) expect(await codeOf(query), query).toBe(ACCESS_DENIED);
    for (const table of copies) {
      expect(await codeOf(`SELECT * FROM ${database}.${table} LIMIT 1`)).toBe('');
    }
    expect(await etl('drop-old')).toMatchObject({ code: 7 });
  });

  test('says which grant it lacks, and goes on once it has it', async () => {
    const grants = grantsOf('anlyt_etl');
    const others = grants.filter((grant) => !grant.includes('.money_copy'));
    await stage.change(manyChanges(20, 3));
    await become([...others, `GRANT SELECT ON ${database}.money_copy`]);
    const readOnly = await etl();
    expect(readOnly.err).toMatch(/lacks a grant; see .*INSERT\(.*\) ON sms_analytics\.money_copy/);
    expect(readOnly.code).toBe(7);
    await become(others);
    const blind = await etl();
    expect(blind.err).toMatch(
      /sms_analytics\.money_copy is missing, or this user has no grant on it/,
    );
    expect(blind.code).toBe(6);
    await become(grants);
    expect(await etl()).toMatchObject({ code: 0, err: '' });
  });
});

test('an analyst reads every view and writes nothing', async () => {
  await become(grantsOf('sms_analyst'));
  for (const view of ['outcomes', 'money', 'latency', 'throughput', 'freshness']) {
    expect(await codeOf(`SELECT * FROM ${database}.${view} LIMIT 1`), view).toBe('');
  }
  const refused = copies.map(
    (table) => `INSERT INTO ${database}.${table} SELECT * FROM ${database}.${table}`,
  );
  for (const query of [...beyondEveryone, ...refused]) {
    expect(await codeOf(query), query).toBe(ACCESS_DENIED);
  }
});

test('the owner drops what no view reads any more, and both sides are equal', async () => {
  await become(grantsOf('anlyt_etl_owner'));
  expect((await etl('drop-old')).out).toMatch(/dropped [1-9]\d* partitions/);
  await become(undefined);
  await stage.expectEqualSides();
});

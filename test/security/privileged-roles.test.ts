// Attack 12, the last of it: no binary works under a role that row-level security does not bind.
// The api process has this in its own test (test/integration/api/process.test.ts); here are ingest,
// anlyt-etl and ops, each as the compiled program.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serviceChild } from '../../deploy/local/stack/services.js';
import { createSite, type TestSite } from '../support/site.js';

const bypassing = `bypass_${randomBytes(4).toString('hex')}`;
let site: TestSite;

beforeAll(async () => {
  site = await createSite();
  await site.database.query(`CREATE ROLE ${bypassing} BYPASSRLS`);
  await site.database.query(
    `CREATE ROLE ${bypassing}_login LOGIN PASSWORD 'x' IN ROLE ${bypassing}`,
  );
  const { rows } = await site.database.query<{ name: string }>('SELECT current_database() AS name');
  await site.database.query(`GRANT CONNECT ON DATABASE ${rows[0]?.name} TO ${bypassing}_login`);
});
afterAll(async () => {
  await site.database.query(`DROP OWNED BY ${bypassing}_login`);
  await site.database.query(`DROP ROLE ${bypassing}_login, ${bypassing}`);
  await site.close();
});

interface Ended {
  readonly code: number;
  readonly said: string;
}

type Program = 'ingest' | 'etl' | 'ops';

/**
 * Runs a program to its end with what the stack gives it, and another DATABASE_URL where one is
 * given.
 */
function run(program: Program, args: string[], databaseUrl?: string): Promise<Ended> {
  const child = serviceChild(program, site.site, args);
  // No ClickHouse is at that port: who gets as far as that has been let in by Postgres.
  const warehouse = { CLICKHOUSE_URL: 'http://127.0.0.1:9', ADMIN_PORT: '0' };
  const env = { ...child.env, ...warehouse, ...(databaseUrl && { DATABASE_URL: databaseUrl }) };
  return new Promise((resolve) => {
    execFile(child.command, [...child.args], { env, timeout: 30_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: out + err }),
    );
  });
}

function bypassingUrl(): string {
  const url = new URL(site.site.databaseUrl);
  url.username = `${bypassing}_login`;
  url.password = 'x';
  return url.href;
}

/** Programs, and the exit code with which each says that it is not allowed. */
const programs: [string, Program, string[], number][] = [
  ['ingest', 'ingest', [], 1],
  ['anlyt-etl', 'etl', ['run'], 7],
  ['anlyt-etl verify', 'etl', ['verify'], 7],
  ['ops status', 'ops', ['status'], 2],
  ['ops retain', 'ops', ['retain', '--yes'], 2],
  ['ops migrate', 'ops', ['migrate'], 2],
];

describe.each(programs)('%s', (_name, program, args, code) => {
  test('refuses a superuser', async () => {
    const ended = await run(program, args, site.site.databaseUrl);
    expect(ended.said).toMatch(/DATABASE_URL: the role \w+ is or can become a superuser/);
    expect(ended.said).not.toMatch(/postgres(ql)?:\/\//);
    expect(ended.code).toBe(code);
  });

  test('refuses a role that can get BYPASSRLS', async () => {
    const ended = await run(program, args, bypassingUrl());
    expect(ended.said).toMatch(/DATABASE_URL: the role \w+ has or can get BYPASSRLS/);
    expect(ended.code).toBe(code);
  });
});

test('under their own roles anlyt-etl gets as far as ClickHouse, and ops to its end', async () => {
  expect((await run('etl', ['run'])).code).toBe(5);
  expect((await run('ops', ['status'])).code).toBe(0);
});

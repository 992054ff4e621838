// The api process itself, on a real database: starts, answers, refuses privileged roles, says what
// is wrong, stops.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { credentials } from '@grpc/grpc-js';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnalyticsServiceClient } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { call, POLICY_FILE } from '../../support/api-server.js';
import { createDatabase, type TestDatabase } from '../../support/engines.js';
import {
  ADMIN,
  type Authority,
  CertificateFolder,
  createAuthority,
  issueCaller,
  issueService,
  STRANGER,
} from '../../support/pki.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const binary = `${root}dist/src/bin/api.js`;
/** Nothing listens there. */
const NOWHERE = 'postgresql://nobody:x@127.0.0.1:1/none';
const AWAY = { DATABASE_URL: NOWHERE, ACCOUNT_DATABASE_URL: NOWHERE };

let database: TestDatabase;
let authority: Authority;
const folder = new CertificateFolder();
const children: ChildProcess[] = [];

beforeAll(async () => {
  if (!existsSync(binary)) {
    const built = spawnSync('npx', ['tsc', '-p', 'tsconfig.json'], { cwd: root, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(built.stdout);
  }
  database = await createDatabase();
  authority = await createAuthority('test authority', 2);
  folder.write({ ...(await issueService(authority)), ca: authority.pem });
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  folder.remove();
});

interface Running {
  readonly child: ChildProcess;
  output(): string;
  errors(): string;
  /** Resolves with the first log line that has this event. */
  line(event: string): Promise<Record<string, unknown>>;
  readonly exit: Promise<number | null>;
}

function run(env: Record<string, string>): Running {
  const child = spawn(process.execPath, [binary], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (part) => {
    output += part;
  });
  child.stderr.on('data', (part) => {
    errors += part;
  });
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    exit,
    output: () => output,
    errors: () => errors,
    async line(event) {
      for (;;) {
        for (const text of output.split('\n').slice(0, -1)) {
          const record = JSON.parse(text);
          if (record.msg === event) return record;
        }
        if (child.exitCode !== null) throw new Error(`ended: ${output}${errors}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

function environment(): Record<string, string> {
  return {
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: '0',
    ADMIN_PORT: '0',
    IDENTITY_MODE: 'tls',
    TLS_CERT_FILE: folder.certFile,
    TLS_KEY_FILE: folder.keyFile,
    TLS_CA_FILE: folder.caFile,
    POLICY_FILE,
    DATABASE_URL: database.url('analytics_platform'),
    ACCOUNT_DATABASE_URL: database.url('analytics_account'),
  };
}

test('it starts, answers over mutual TLS, records a denial, and ends in order on SIGTERM', async () => {
  const running = run({ ...environment(), EXIT_WITH_PARENT: 'on' });
  const { port } = await running.line('started');
  await running.line('readiness changed');
  const issued = await issueCaller(authority, ADMIN);
  const client = new AnalyticsServiceClient(
    `localhost:${port}`,
    credentials.createSsl(
      Buffer.from(authority.pem),
      Buffer.from(issued.key),
      Buffer.from(issued.cert),
    ),
  );
  const range = { start: '2026-11-01', end: '2026-11-02' };
  const answered = await call(client, 'getSummary', { range });
  expect(answered).toMatchObject({ code: 0, response: { counts: { accepted: 0n } } });
  const wrong = await call(client, 'getSummary', { range: { start: 'x', end: 'y' } });
  expect(wrong).toMatchObject({ code: 3, reason: 'analytics.sms/INVALID_QUESTION' });
  expect(wrong.violations?.map((violation) => violation.field)).toEqual([
    'range.start',
    'range.end',
  ]);
  client.close();
  const stranger = await issueCaller(authority, STRANGER);
  const denied = new AnalyticsServiceClient(
    `localhost:${port}`,
    credentials.createSsl(
      Buffer.from(authority.pem),
      Buffer.from(stranger.key),
      Buffer.from(stranger.cert),
    ),
  );
  expect((await call(denied, 'getSummary')).code).toBe(7);
  expect((await call(denied, 'getSummary')).code).toBe(7);
  denied.close();
  running.child.kill('SIGTERM');
  expect(await running.exit).toBe(0);
  expect(running.output()).toContain('"msg":"stopped"');
  expect(running.output()).toContain(`"caller":"${STRANGER}","reason":"CALLER_NOT_LISTED"`);
  expect(running.errors()).toBe('');
  const reader = new pg.Client({ connectionString: database.url('analytics_ops') });
  await reader.connect();
  const { rows } = await reader.query(
    'SELECT actor, action, outcome, reason, sum(occurrences)::int AS times FROM audit_record GROUP BY 1, 2, 3, 4',
  );
  await reader.end();
  expect(rows).toEqual([
    {
      actor: STRANGER,
      action: 'sms.analytics.v1.AnalyticsService/GetSummary',
      outcome: 'denied',
      reason: 'CALLER_NOT_LISTED',
      times: 2,
    },
  ]);
});

test('it ends when its parent closes its standard input', async () => {
  const running = run({ ...environment(), EXIT_WITH_PARENT: 'on' });
  await running.line('started');
  running.child.stdin?.end();
  expect(await running.exit).toBe(0);
});

describe('it refuses to start', () => {
  test('under a superuser', async () => {
    const running = run({ ...environment(), ACCOUNT_DATABASE_URL: database.superuserUrl });
    expect(await running.exit).toBe(1);
    expect(running.errors()).toMatch(
      /ACCOUNT_DATABASE_URL: the role \w+ is or can become a superuser, so row-level security/,
    );
    expect(running.errors()).not.toMatch(/postgres(ql)?:\/\//);
  });

  test('under a role with BYPASSRLS, or one that can become such a role', async () => {
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    const name = `bypass_${randomBytes(4).toString('hex')}`;
    await superuser.query(
      `CREATE ROLE ${name} BYPASSRLS; CREATE ROLE ${name}_login LOGIN PASSWORD 'x'; GRANT ${name} TO ${name}_login`,
    );
    try {
      const url = new URL(database.superuserUrl);
      url.username = `${name}_login`;
      url.password = 'x';
      await superuser.query(`GRANT CONNECT ON DATABASE ${url.pathname.slice(1)} TO ${name}_login`);
      const running = run({ ...environment(), DATABASE_URL: url.href });
      expect(await running.exit).toBe(1);
      expect(running.errors()).toMatch(/DATABASE_URL: the role \w+ has or can get BYPASSRLS/);
    } finally {
      await superuser.query(`DROP OWNED BY ${name}_login; DROP ROLE ${name}_login, ${name}`);
      await superuser.end();
    }
  });

  test.each([
    ['ACCOUNT_DATABASE_URL', 'analytics_platform', 'analytics_account'],
    ['ACCOUNT_DATABASE_URL', 'analytics_etl', 'analytics_account'],
    ['ACCOUNT_DATABASE_URL', 'analytics_owner', 'analytics_account'],
    ['DATABASE_URL', 'analytics_account', 'analytics_platform'],
    ['DATABASE_URL', 'analytics_ingest', 'analytics_platform'],
  ] as const)('with %s of %s', async (setting, role, expected) => {
    const running = run({ ...environment(), [setting]: database.url(role) });
    expect(await running.exit).toBe(1);
    expect(running.errors()).toContain(
      `${setting}: the role ${role} has the rights of ${role}, not of ${expected} alone`,
    );
  });

  test('under a login that has two of the roles', async () => {
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    const name = `both_${randomBytes(4).toString('hex')}`;
    await superuser.query(
      `CREATE ROLE ${name} LOGIN PASSWORD 'x' IN ROLE analytics_account, analytics_platform`,
    );
    try {
      const url = new URL(database.superuserUrl);
      url.username = name;
      url.password = 'x';
      const running = run({ ...environment(), ACCOUNT_DATABASE_URL: url.href });
      expect(await running.exit).toBe(1);
      expect(running.errors()).toContain(
        `ACCOUNT_DATABASE_URL: the role ${name} has the rights of analytics_account and analytics_platform,`,
      );
    } finally {
      await superuser.query(`DROP ROLE ${name}`);
      await superuser.end();
    }
  });

  test('without certificates in tls mode, told beside other faults though Postgres cannot be reached', async () => {
    const running = run({ ...environment(), ...AWAY, TLS_KEY_FILE: '', GRPC_PORT: 'x' });
    expect(await running.exit).toBe(1);
    expect(running.errors()).toMatch(/TLS_KEY_FILE: not set, .*required with IDENTITY_MODE=tls/);
    expect(running.errors()).toMatch(/GRPC_PORT: wrong value "x"/);
    expect(running.errors()).not.toMatch(/^ +at /m);
  });

  test('with files that cannot be read, all of them, though Postgres cannot be reached', async () => {
    const none = {
      TLS_KEY_FILE: '/none/key',
      TLS_CA_FILE: '/none/ca',
      POLICY_FILE: '/none/policy',
    };
    const running = run({ ...environment(), ...AWAY, ...none, GRPC_PORT: 'x' });
    expect(await running.exit).toBe(1);
    expect(running.errors()).toContain('the configuration has 4 fault(s)');
    for (const [name, file] of Object.entries(none)) {
      expect(running.errors()).toContain(`${name}: the file "${file}" cannot be read (ENOENT)`);
    }
  });
});

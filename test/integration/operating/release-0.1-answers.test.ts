// A database that release 0.1 filled (commit 5bff4b1) comes up under this build: after `ops
// migrate` and `ops setup` the answers are those that 0.1 gave, under the policy file of 0.1, and
// counting goes on. The fixture holds 0.1's migrations by name, its rows as text, and its answers.

import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { ensureDatabase, roleUrl } from '../../../deploy/local/engines/database.js';
import * as service from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { MIGRATIONS_DIRECTORY, migrate } from '../../../src/postgres/prisma/migrate.js';
import { createRoles } from '../../../src/postgres/roles.js';
import { type Analytics, analyticsClient } from '../../support/analytics-client.js';
import { startNats, type TestDatabase } from '../../support/engines.js';
import { createSite, type TestSite } from '../../support/site.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { charge, ops, publication, runOps, until } from './run-ops.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));
type Method = Exclude<keyof Analytics, 'close'>;

/** Their sequences go on behind the rows of 0.1. */
const IDENTITIES = { event_stream: 'stream_id', audit_record: 'audit_id' };

interface Fixture {
  readonly migrations: readonly string[];
  readonly tables: Record<string, { columns: string[]; rows: (string | null)[][] }>;
  readonly answers: { method: Method; question: object; answer: { meta: object } }[];
}

let fixture: Fixture;
let site: TestSite;
let migrated: string;

beforeAll(async () => {
  const packed = await readFile(join(FIXTURES, 'release-0.1.json.gz'));
  fixture = JSON.parse(gunzipSync(packed).toString());
  const { postgres, credentials } = inject('engines');
  const superuserUrl = await ensureDatabase(postgres, `release_0_1_${process.pid}`);
  const database: TestDatabase = {
    superuserUrl,
    url: (role) => roleUrl(superuserUrl, role, credentials),
  };
  await createRoles(superuserUrl, credentials.roles);
  await migrateAsOf01(database.url('analytics_owner'));
  await fill(superuserUrl);
  const nats = await startNats();
  const dataDir = await temporaryDirectory('release-0.1');
  const before = { dataDir, credentials, databaseUrl: superuserUrl, ports: { nats: nats.port } };
  const run = await runOps({ site: { ...before, tls: { identities: {} } } as never }, ['migrate'], {
    DATABASE_URL: database.url('analytics_owner'),
  });
  migrated = run.out + run.err;
  site = await createSite({ database, nats });
});
afterAll(() => site?.close());

/** The schema of 0.1: its migrations and no later one. */
async function migrateAsOf01(url: string): Promise<void> {
  const directory = await temporaryDirectory('migrations-0.1');
  for (const name of [...fixture.migrations, 'migration_lock.toml']) {
    await cp(join(MIGRATIONS_DIRECTORY, name), join(directory, name), { recursive: true });
  }
  expect(await migrate(url, directory)).toEqual(fixture.migrations);
}

/** The rows of 0.1 in place of those that its migrations made; no trigger runs for them. */
async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('BEGIN; SET LOCAL session_replication_role = replica');
  await makeDays(client);
  for (const [name, { columns, rows }] of Object.entries(fixture.tables)) {
    const records = rows.map((row) => Object.fromEntries(columns.map((c, at) => [c, row[at]])));
    const list = columns.map((column) => pg.escapeIdentifier(column)).join(', ');
    await client.query(`DELETE FROM ${name}`);
    await client.query(
      `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE
       SELECT ${list} FROM json_populate_recordset(NULL::${name}, $1::json)`,
      [JSON.stringify(records)],
    );
  }
  for (const [table, column] of Object.entries(IDENTITIES)) {
    await client.query(
      `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), max(${column})) FROM ${table}`,
    );
  }
  await client.query('COMMIT');
  await client.end();
}

const dayAfter = (day: string) => new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);

/** By hand, as a database makes days near today only, and those of the fixture grow old. */
async function makeDays(client: pg.Client): Promise<void> {
  const { columns, rows } = fixture.tables.ledger ?? { columns: [], rows: [] };
  const days = new Set(rows.map((row) => row[columns.indexOf('accepted_day')] ?? ''));
  await client.query('SET LOCAL ROLE analytics_owner');
  for (const day of days) {
    for (const parent of ['ledger_g1', 'refund_g1']) {
      await client.query(
        `CREATE TABLE IF NOT EXISTS ${parent}_${day.replaceAll('-', '')} PARTITION OF ${parent}
         FOR VALUES FROM ('${day}') TO ('${dayAfter(day)}')`,
      );
    }
  }
  await client.query('RESET ROLE');
}

// biome-ignore lint/suspicious/noExplicitAny: requests and answers of five methods, as JSON
const codecs = service as any;

/** This build's answer as JSON, without what tells one moment of 0.1 from another. */
async function ask(client: Analytics, method: Method, question: object): Promise<object> {
  const name = `${method[0]?.toUpperCase()}${method.slice(1)}`;
  const answer = await client[method](codecs[`${name}Request`].fromJSON(question) as never);
  return timeless(codecs[`${name}Response`].toJSON(answer));
}

const timeless = ({ meta, ...answer }: { meta: object }) => ({
  ...answer,
  meta: { ...meta, revision: undefined, dataAsOf: undefined, settledThrough: undefined },
});

it('answers as 0.1 did, under its policy, and goes on counting', async () => {
  expect(migrated).toContain('20261129100000_stream_gaps');
  await site.start('api', { POLICY_FILE: join(FIXTURES, 'release-0.1-callers.yaml') });
  const client = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
  expect(fixture.answers).toHaveLength(5);
  for (const { method, question, answer } of fixture.answers) {
    // This build may say more than 0.1 did, and nothing else.
    expect(await ask(client, method, question)).toMatchObject(timeless(answer));
  }
  // NATS is another one than that of 0.1.
  await ops(site, 'adopt-stream', '--yes');
  await site.start('ingest');
  await site.publish([1, 2, 3].map(() => publication(charge({ accountId: 'of-this-build' }))));
  const counted = `SELECT coalesce(sum(messages), 0)::int AS count FROM outcome_account
     WHERE account_id = 'of-this-build' AND grain_minutes = 15`;
  await until('all are counted', async () => {
    return (await site.database.query(counted)).rows[0].count === 3;
  });
  client.close();
});

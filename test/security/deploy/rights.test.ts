// What each login role may do in Postgres after all migrations, table by table, held against a list
// that stands here: a grant too many fails as one too few does. And what binds even the owner of
// the schema.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROLES, type RoleName } from '../../../src/postgres/roles.js';
import { createDatabase, type TestDatabase } from '../../support/engines.js';

let database: TestDatabase;
let superuser: pg.Client;
const clients: pg.Client[] = [];

beforeAll(async () => {
  database = await createDatabase();
  superuser = await connected(database.superuserUrl);
});
afterAll(() => Promise.all(clients.map((client) => client.end())));

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  clients.push(client);
  await client.connect();
  return client;
}

/**
 * First letters of SELECT, INSERT, UPDATE, DELETE; an insert of some columns only counts as one.
 */
const EXPECTED: Record<string, Partial<Record<string, string>>> = {
  account_money_sum: { account: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  account_outcome_sum: { account: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  account_usage_day: { account: 'S', ingest: 'SIU', ops: 'SD', platform: 'S' },
  answer_state: { account: 'S', etl: 'S', ingest: 'S', ops: 'S', platform: 'S' },
  audit_record: { ops: 'SI', platform: 'I' },
  day_version: { account: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  dead_letter: { ingest: 'SI', ops: 'SIU' },
  etl_checkpoint: { etl: 'SU', ops: 'S' },
  etl_lag: { etl: 'S', ops: 'S', platform: 'S' },
  etl_run: { etl: 'SIUD', ops: 'S' },
  event_stream: { ingest: 'SI', ops: 'SI' },
  generation: { account: 'S', etl: 'S', ingest: 'S', ops: 'SIUD', platform: 'S' },
  ingest_progress: { account: 'S', etl: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  latency_histogram: { ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  latency_platform: { etl: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  ledger: { ingest: 'SIU', ops: 'SIU' },
  money_account: { account: 'S', etl: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  money_sum: { ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  outcome_account: { account: 'S', etl: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  outcome_account_day: { ingest: 'SIU', ops: 'SD', platform: 'S' },
  outcome_platform: { ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  outcome_sum: { ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  refund: { ingest: 'SIU', ops: 'SIU' },
  rollup_change: { etl: 'SD', ingest: 'I', ops: 'I' },
  stream_account: { ingest: 'SIU', ops: 'S' },
  stream_gap: { ingest: 'SIU', ops: 'SU' },
  throughput_platform: { etl: 'S', ingest: 'SIU', ops: 'SIUD', platform: 'S' },
  throughput_sum: { ingest: 'SIU', ops: 'SIUD', platform: 'S' },
};

/**
 * Tables and views; a partition is reached through its parent only, whose row-level security binds.
 */
async function held(partitions: boolean): Promise<typeof EXPECTED> {
  const { rows } = await superuser.query<{ relation: string; role: string; rights: string }>(
    `SELECT c.relname::text AS relation, substr(role, length('analytics_') + 1) AS role,
            string_agg(CASE WHEN verb IN ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN') THEN ' ' || verb
                            ELSE left(verb, 1) END, '' ORDER BY ordinal) AS rights
       FROM pg_class c
      CROSS JOIN unnest($1::text[]) AS role
      CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])
            WITH ORDINALITY AS verbs (verb, ordinal)
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND c.relispartition = $2 AND c.relname <> '_prisma_migrations'
        AND CASE WHEN verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                 THEN has_any_column_privilege(role, c.oid, verb)
                 ELSE has_table_privilege(role, c.oid, verb) END
      GROUP BY 1, 2`,
    [ROLES.filter((role) => role !== 'analytics_owner'), partitions],
  );
  const found: typeof EXPECTED = {};
  for (const { relation, role, rights } of rows) {
    found[relation] = { ...found[relation], [role]: rights };
  }
  return found;
}

describe('the rights of the login roles', () => {
  test('are these and no others', async () => {
    expect(await held(false)).toEqual(EXPECTED);
  });

  test('end at the parents: no partition can be reached beside its row-level security', async () => {
    expect(await held(true)).toEqual({});
  });

  test('let each call these functions of the owner and no others', async () => {
    const { rows } = await superuser.query<{ name: string; roles: string }>(
      `SELECT p.proname::text AS name,
              string_agg(substr(role, length('analytics_') + 1), ' ' ORDER BY role) AS roles
         FROM pg_proc p CROSS JOIN unnest($1::text[]) AS role
        WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
          AND has_function_privilege(role, p.oid, 'EXECUTE')
        GROUP BY 1`,
      [ROLES.filter((role) => role !== 'analytics_owner')],
    );
    expect(Object.fromEntries(rows.map(({ name, roles }) => [name, roles]))).toEqual({
      create_generation_partitions: 'ops',
      create_ledger_days: 'ingest ops',
      drop_generation_partitions: 'ops',
      drop_ledger_days: 'ops',
    });
  });
});

/** Everything that belongs to one account or message. */
const BOUND = [
  'account_money_sum',
  'account_outcome_sum',
  'account_usage_day',
  'audit_record',
  'ledger',
  'money_account',
  'outcome_account',
  'outcome_account_day',
  'refund',
];

test('row-level security is on and forced, so that it binds the owner too', async () => {
  const { rows } = await superuser.query<{ name: string; on: boolean; forced: boolean }>(
    `SELECT relname::text AS name, relrowsecurity AS on, relforcerowsecurity AS forced
       FROM pg_class WHERE relname = ANY ($1) AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    [BOUND],
  );
  expect(rows).toEqual(
    BOUND.map((name) => ({
      name,
      on: true,
      forced: true,
    })),
  );
});

describe('records of the audit', () => {
  const CHANGES = [
    `UPDATE audit_record SET outcome = 'done'`,
    'DELETE FROM audit_record',
    'TRUNCATE audit_record',
  ];
  test.each(CHANGES)('stay as they are, also for the owner and a superuser: %s', async (change) => {
    const owner = await connected(database.url('analytics_owner'));
    for (const client of [owner, superuser]) {
      await expect(client.query(change)).rejects.toThrow('audit_record is append-only');
    }
  });

  test.each(ROLES.filter((role) => role !== 'analytics_owner'))('nor may %s', async (role) => {
    const client = await connected(database.url(role));
    for (const change of CHANGES) {
      await expect(client.query(change)).rejects.toMatchObject({ code: '42501' });
    }
  });
});

describe('the days of the ledger', () => {
  const make = async (role: RoleName, first: string, last: string) =>
    (await connected(database.url(role))).query(
      'SELECT create_ledger_days(1::smallint, $1::date, $2::date)',
      [first, last],
    );
  const dayOf = (days: number) =>
    new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

  test('are made by ingest around today', async () => {
    await make('analytics_ingest', dayOf(-50), dayOf(2));
  });

  test('are not made by ingest far from it, nor a thousand at once by anybody', async () => {
    const denied = { code: '42501' };
    await expect(make('analytics_ingest', '2020-01-01', '2020-01-02')).rejects.toMatchObject(
      denied,
    );
    await expect(make('analytics_ingest', dayOf(0), dayOf(30))).rejects.toMatchObject(denied);
    await expect(make('analytics_ops', '2020-01-01', '2023-01-01')).rejects.toMatchObject(denied);
    await make('analytics_ops', '2020-01-01', '2020-01-02');
  });
});

// The record of who did what: ops writes one before an act and one after it, under one correlation
// id, and does not act where it cannot; and no login writes records of another kind than its own.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleUrl } from '../../deploy/local/engines/database.js';
import { type OpsRun, runOps } from '../integration/operating/run-ops.js';
import { createSite, type TestSite } from '../support/site.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
let site: TestSite;

beforeAll(async () => {
  site = await createSite();
  await site.database.query(
    `INSERT INTO event_stream (stream_id, name, created_at) OVERRIDING SYSTEM VALUE
     VALUES (77, 'SMS_EVENTS', '2026-01-01')`,
  );
  await site.database.query(
    `INSERT INTO dead_letter (stream_id, sequence, subject, reason, payload_digest)
     SELECT 77, n, 'sms.billing.v1.charged', 'malformed', n FROM generate_series(1, 9) AS n`,
  );
});
afterAll(() => site?.close());

async function resolutionOf(sequence: number): Promise<string | null> {
  const { rows } = await site.database.query<{ resolution: string | null }>(
    'SELECT resolution FROM dead_letter WHERE stream_id = 77 AND sequence = $1',
    [sequence],
  );
  return rows[0]?.resolution ?? null;
}

const discard = (sequence: number, env = {}, ...more: string[]): Promise<OpsRun> =>
  runOps(site, ['dead-letters', 'discard', `77:${sequence}`, '--yes', ...more], env);

/** The records of what was done to one dead letter. */
async function recordsOf(sequence: number) {
  const { rows } = await site.database.query<{
    actor: string;
    outcome: string;
    correlation_id: string;
  }>(
    'SELECT actor, outcome, correlation_id FROM audit_record WHERE target = $1 ORDER BY audit_id',
    [`77:${sequence}`],
  );
  return rows;
}

/** While `work` runs, no record of this outcome can be written. */
async function without<T>(outcome: string, work: () => Promise<T>): Promise<T> {
  await site.database.query(`
    CREATE FUNCTION no_record() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no room for records'; END $$;
    CREATE TRIGGER no_record BEFORE INSERT ON audit_record FOR EACH ROW
      WHEN (NEW.outcome = '${outcome}') EXECUTE FUNCTION no_record()`);
  try {
    return await work();
  } finally {
    await site.database.query('DROP FUNCTION no_record CASCADE');
  }
}

describe('an act of ops', () => {
  it('has a record before it and one after it, under a correlation id of its own', async () => {
    expect(await discard(1)).toMatchObject({ code: 0 });
    expect(await discard(2)).toMatchObject({ code: 0 });
    const [begun, done, ...more] = await recordsOf(1);
    expect([begun?.outcome, done?.outcome, more.length]).toEqual(['begun', 'done', 0]);
    expect(begun?.correlation_id).toMatch(UUID);
    expect(done?.correlation_id).toBe(begun?.correlation_id);
    expect((await recordsOf(2))[0]?.correlation_id).not.toBe(begun?.correlation_id);
  });

  it('is not done where its beginning cannot be recorded', async () => {
    const refused = await without('begun', () => discard(3));
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('Nothing was changed');
    expect(refused.err).toContain('no room for records');
    expect(await resolutionOf(3)).toBeNull();
  });

  it('leaves the record of its beginning where the end cannot be recorded, as after a kill', async () => {
    const unended = await without('done', () => discard(4));
    expect(unended.code).toBe(1);
    expect(await resolutionOf(4)).toBe('discarded');
    const records = await recordsOf(4);
    expect(records.map(({ outcome }) => outcome)).toEqual(['begun']);
    expect(unended.err).toContain(records[0]?.correlation_id);
  });

  it('says why it failed, and that this could not be recorded', async () => {
    const failed = await without('failed', () =>
      runOps(site, ['dead-letters', 'replay', '77:5', '--yes']),
    );
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('could not be recorded');
    expect((await recordsOf(5)).map(({ outcome }) => outcome)).toEqual(['begun']);
  });

  it('is recorded under the name that --as or OPS_ACTOR says', async () => {
    await discard(6, { OPS_ACTOR: 'cronjob-x' });
    await discard(7, { OPS_ACTOR: 'cronjob-x' }, '--as', 'anna');
    expect((await recordsOf(6))[0]?.actor).toMatch(/^ops:cronjob-x(\/|$)/);
    expect((await recordsOf(7))[0]?.actor).toMatch(/^ops:anna(\/|$)/);
    expect(await discard(8, {}, '--as', 'anna\nroot')).toMatchObject({ code: 2 });
    expect(await discard(8, { OPS_ACTOR: 'a b' })).toMatchObject({ code: 2 });
    expect(await resolutionOf(8)).toBeNull();
  });

  it('migrates a schema that is older than the record of a beginning', async () => {
    const outcomes = (list: string) =>
      site.database.query(`ALTER TABLE audit_record DROP CONSTRAINT audit_record_outcome_check,
        ADD CONSTRAINT audit_record_outcome_check CHECK (outcome IN (${list})) NOT VALID`);
    const { databaseUrl, credentials } = site.site;
    const owner = { DATABASE_URL: roleUrl(databaseUrl, 'analytics_owner', credentials) };
    await outcomes(`'denied', 'done', 'failed'`);
    expect(await runOps(site, ['migrate'], owner)).toMatchObject({ code: 0 });
    expect((await discard(9)).code).toBe(1);
    expect(await resolutionOf(9)).toBeNull();
    await outcomes(`'denied', 'begun', 'done', 'failed'`);
  });
});

describe('a login', () => {
  /** Tries to insert one record, and takes it back; the SQLSTATE where it may not. */
  async function tried(
    role: 'analytics_platform' | 'analytics_ops' | 'analytics_owner',
    record: Record<string, string>,
  ): Promise<string> {
    const { databaseUrl, credentials } = site.site;
    const client = new pg.Client({ connectionString: roleUrl(databaseUrl, role, credentials) });
    await client.connect();
    try {
      await client.query('BEGIN');
      const values = Object.values(record);
      await client.query(
        `INSERT INTO audit_record (${Object.keys(record).join(', ')})
         VALUES (${values.map((_, at) => `$${at + 1}`).join(', ')})`,
        values,
      );
      return 'inserted';
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      await client.end();
    }
  }
  const REFUSED = '42501';
  const denial = { actor: 'stranger', action: 'GetX', outcome: 'denied' };
  const act = { actor: 'ops:anna', action: 'seek', outcome: 'done' };
  const long = '2020-01-01T00:00:00Z';

  it('of the api writes denials only, in nobody else’s name', async () => {
    expect(await tried('analytics_platform', { ...denial, occurred_at: long })).toBe('inserted');
    expect(await tried('analytics_platform', act)).toBe(REFUSED);
    expect(await tried('analytics_platform', { ...denial, outcome: 'done' })).toBe(REFUSED);
    expect(await tried('analytics_platform', { ...denial, actor: 'ops:anna' })).toBe(REFUSED);
    expect(await tried('analytics_platform', { ...denial, recorded_at: long })).toBe(REFUSED);
  });

  it('of ops writes acts only, dated by Postgres', async () => {
    expect(await tried('analytics_ops', act)).toBe('inserted');
    expect(await tried('analytics_owner', act)).toBe('inserted');
    expect(await tried('analytics_ops', { ...act, occurred_at: long })).toBe(REFUSED);
    expect(await tried('analytics_ops', { ...act, recorded_at: long })).toBe(REFUSED);
    expect(await tried('analytics_ops', { ...act, actor: 'admin-dashboard' })).toBe(REFUSED);
    expect(await tried('analytics_ops', { ...act, actor: 'ops:' })).toBe(REFUSED);
    expect(await tried('analytics_ops', denial)).toBe(REFUSED);
  });
});

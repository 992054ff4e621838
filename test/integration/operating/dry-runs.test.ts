// `--dry-run` of the verbs that other tests do not try: it says what would be done, in words and as
// JSON, changes nothing and leaves no record; and the act itself does what was said.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleUrl } from '../../../deploy/local/engines/database.js';
import { createSite, type TestSite } from '../../support/site.js';
import { charge, connectAs, ops, opsJson, publication, runOps } from './run-ops.js';

const DURABLE = 'analytics-rollup';
let site: TestSite;
beforeAll(async () => {
  site = await createSite();
});
afterAll(() => site?.close());

async function value(text: string): Promise<string> {
  const { rows } = await site.database.query({ text, rowMode: 'array' });
  return String(rows[0]?.[0]);
}

const records = () => value('SELECT count(*) FROM audit_record');

/** Runs it in words, without a record of it. */
async function dry(...args: string[]): Promise<string> {
  const before = await records();
  const said = await ops(site, ...args, '--dry-run');
  expect(await records()).toBe(before);
  return said;
}

describe('ops setup --dry-run', () => {
  it('says what is missing and what differs, and leaves it', async () => {
    const connection = await connectAs(site, 'ops');
    const manager = await connection.jetstreamManager();
    expect(await dry('setup')).toBe(
      `stream SMS_EVENTS: unchanged\ndurable ${DURABLE}: unchanged\n`,
    );
    await manager.consumers.update('SMS_EVENTS', DURABLE, { max_ack_pending: 7 });
    expect(await dry('setup')).toContain(`durable ${DURABLE}: would be updated`);
    const info = await manager.consumers.info('SMS_EVENTS', DURABLE);
    expect(info.config.max_ack_pending).toBe(7);
    await manager.streams.delete('SMS_EVENTS');
    expect(await opsJson(site, 'setup', '--dry-run')).toEqual([
      { kind: 'stream', name: 'SMS_EVENTS', action: 'created', done: false },
      { kind: 'durable', name: DURABLE, action: 'created', done: false },
    ]);
    await expect(manager.streams.info('SMS_EVENTS')).rejects.toThrow('stream not found');
    expect(await opsJson(site, 'setup')).toMatchObject([
      { action: 'created', done: true },
      { action: 'created', done: true },
    ]);
    await connection.close();
  });
});

describe('ops migrate --dry-run', () => {
  it('names the migrations that are missing, and applies none', async () => {
    const { databaseUrl, credentials } = site.site;
    const env = { DATABASE_URL: roleUrl(databaseUrl, 'analytics_owner', credentials) };
    const migrate = (...args: string[]) => runOps(site, ['migrate', ...args], env);
    expect((await migrate('--dry-run')).out).toBe('The schema is up to date.\n');
    // As a database of the build before would be, as far as its history goes.
    await site.database.query(`CREATE TABLE kept AS SELECT * FROM _prisma_migrations
      WHERE migration_name = (SELECT max(migration_name) FROM _prisma_migrations)`);
    const newest = await value('SELECT migration_name FROM kept');
    await site.database.query(
      'DELETE FROM _prisma_migrations WHERE migration_name = (SELECT migration_name FROM kept)',
    );
    expect((await migrate('--dry-run')).out).toBe(`Would apply: ${newest}\n`);
    const asJson = await migrate('--dry-run', '--json');
    expect(JSON.parse(asJson.out)).toEqual({ done: false, migrations: [newest] });
    expect(await value('SELECT count(*) FROM _prisma_migrations JOIN kept USING (id)')).toBe('0');
    await site.database.query('INSERT INTO _prisma_migrations SELECT * FROM kept');
    await site.database.query('DROP TABLE kept');
    expect(JSON.parse((await migrate('--json')).out)).toEqual({ done: true, migrations: [] });
    expect(await value(`SELECT count(*) FROM audit_record WHERE action = 'migrate'`)).toBe('2');
  });
});

describe('ops rebuild … --dry-run', () => {
  const generations = () =>
    value(`SELECT string_agg(generation || ' ' || state, ', ' ORDER BY 1) FROM generation`);

  it('starts, abandons and cleans nothing', async () => {
    expect(await dry('rebuild', 'clean')).toBe('Nothing is left over.\n');
    // Ingest has counted, so that there is a stream to rebuild from.
    const ingest = await site.start('ingest');
    await ops(site, 'adopt-stream', '--yes');
    await site.publish([publication(charge())]);
    await site.drained();
    expect(await dry('rebuild', 'start')).toContain('Would build generation 2');
    expect(await generations()).toBe('1 serving');
    await ops(site, 'rebuild', 'start', '--yes');
    expect(await dry('rebuild', 'abandon')).toBe('Would drop generation 2.\n');
    expect(await opsJson(site, 'rebuild', 'abandon', '--dry-run')).toEqual({
      generation: 2,
      done: false,
    });
    expect(await generations()).toBe('1 serving, 2 building');
    // As an abandon that was killed before it cleaned up.
    await site.database.query(`UPDATE generation SET state = 'retired' WHERE generation = 2`);
    expect(await dry('rebuild', 'clean')).toBe('Would drop generation 2.\n');
    expect(await opsJson(site, 'rebuild', 'clean', '--dry-run')).toMatchObject({
      generations: [2],
      done: false,
    });
    const unconfirmed = await runOps(site, ['rebuild', 'clean']);
    expect(unconfirmed.code).toBe(2);
    expect(unconfirmed.err).toContain('confirm with --yes');
    expect(await value(`SELECT to_regclass('ledger_g2') IS NOT NULL`)).toBe('true');
    expect(await opsJson(site, 'rebuild', 'clean', '--yes')).toMatchObject({
      done: true,
      cleaned: [2],
    });
    expect(await value(`SELECT to_regclass('ledger_g2') IS NOT NULL`)).toBe('false');
    await ingest.stop();
  });
});

describe('ops dead-letters … --dry-run', () => {
  it('names the letter and its reason', async () => {
    await site.database.query(
      `INSERT INTO dead_letter (stream_id, sequence, subject, reason, payload_digest)
       SELECT max(stream_id), 4711, 'sms.billing.v1.charged', 'malformed', 1 FROM event_stream`,
    );
    const id = `${await value('SELECT max(stream_id) FROM event_stream')}:4711`;
    expect(await dry('dead-letters', 'replay', id)).toBe(`Would judge again: ${id} (malformed).\n`);
    expect(await dry('dead-letters', 'discard', id)).toBe(`Would discard: ${id} (malformed).\n`);
    expect(await opsJson(site, 'dead-letters', 'discard', id, '--dry-run')).toEqual({
      id,
      reason: 'malformed',
      done: false,
    });
    expect(await value('SELECT resolution IS NULL FROM dead_letter WHERE sequence = 4711')).toBe(
      'true',
    );
  });
});

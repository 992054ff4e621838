// A server before 2.14 cannot reset a durable: there it is deleted and made again. That way is
// tried on today's server, with what must hold afterwards: the place, the contract's settings, and
// that later setups and seeks still work.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { roleUrl } from '../../../deploy/local/engines/database.js';
import { moveDurable, recreateDurable, removeDurable } from '../../../src/nats/seek.js';
import { createSite, type TestSite } from '../../support/site.js';
import { charge, connectAs, ops, opsJson, publication, runOps } from './run-ops.js';

const DURABLE = 'analytics-rollup';
let site: TestSite;
beforeAll(async () => {
  site = await createSite();
  await site.publish([1, 2, 3, 4, 5].map(() => publication(charge())));
});
afterAll(() => site?.close());

describe('a durable that was made again', () => {
  it('begins where it was asked to, is left alone by setup, and can be moved below its beginning', async () => {
    const connection = await connectAs(site, 'ops');
    const manager = await connection.jetstreamManager();
    await recreateDurable(manager, DURABLE, 4);
    const made = await manager.consumers.info('SMS_EVENTS', DURABLE);
    expect(made).toMatchObject({ num_pending: 2, config: { max_ack_pending: 20_000 } });
    expect(await ops(site, 'setup')).toContain(`durable ${DURABLE}: unchanged`);
    // The server refuses a reset below the beginning, so it is made again once more.
    expect(await moveDurable(connection, manager, DURABLE, 2)).toBe('recreated');
    expect(await manager.consumers.info('SMS_EVENTS', DURABLE)).toMatchObject({ num_pending: 4 });
    expect(await moveDurable(connection, manager, DURABLE, 3)).toBe('reset');
    const seek = await opsJson(site, 'seek', '--to-sequence', '1', '--yes');
    expect(seek).toMatchObject({ sequence: 1, how: 'recreated' });
    await site.start('ingest');
    await site.drained();
    expect(await removeDurable(manager, 'never-there')).toBe(false);
    await connection.close();
    const { rows } = await site.database.query('SELECT count(*)::int AS count FROM ledger');
    expect(rows).toEqual([{ count: 5 }]);
  });
});

describe('ops migrate', () => {
  it('leaves its record, as the owner of the schema', async () => {
    const { databaseUrl, credentials } = site.site;
    const env = { DATABASE_URL: roleUrl(databaseUrl, 'analytics_owner', credentials) };
    const run = await runOps(site, ['migrate'], env);
    expect(run).toMatchObject({ code: 0, out: 'The schema is up to date.\n' });
    const { rows } = await site.database.query(
      `SELECT outcome, target FROM audit_record WHERE action = 'migrate' ORDER BY audit_id`,
    );
    expect(rows).toEqual([
      { outcome: 'begun', target: 'postgres' },
      { outcome: 'done', target: 'postgres' },
    ]);
    // Not the owner: refused by Postgres, and recorded by whom ops may write as.
    const other = await runOps(site, ['migrate']);
    expect(other.code).toBe(1);
  });
});

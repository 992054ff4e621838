// The test engines themselves: every file gets a database of its own with the real roles, and a
// NATS of its own that can be killed and comes back with what it stored.

import { connect } from 'nats';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { createClickHouse, createDatabase, startNats } from '../../support/engines.js';

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('test engines', () => {
  test('two databases of a run are migrated and do not see each other', async () => {
    const [one, other] = await Promise.all([createDatabase(), createDatabase()]);
    await query(one.superuserUrl, 'CREATE TABLE only_here (n int)');
    const find =
      "SELECT count(*)::int AS n FROM pg_tables WHERE tablename IN ('only_here', 'dead_letter')";
    expect(await query(one.superuserUrl, find)).toEqual([{ n: 2 }]);
    expect(await query(other.superuserUrl, find)).toEqual([{ n: 1 }]);
  });

  test('a login role connects as itself and is no superuser', async () => {
    const database = await createDatabase();
    const rows = await query(
      database.url('analytics_ingest'),
      'SELECT current_user AS role, rolsuper FROM pg_roles WHERE rolname = current_user',
    );
    expect(rows).toEqual([{ role: 'analytics_ingest', rolsuper: false }]);
  });

  test('ClickHouse answers over HTTP', async () => {
    const { url } = createClickHouse();
    const answer = await fetch(url, { method: 'POST', body: 'SELECT 6 * 7' });
    expect((await answer.text()).trim()).toBe('42');
  });

  test('a NATS that was killed comes back at its address with its stream', async () => {
    const nats = await startNats();
    const open = async () => {
      const url = new URL(nats.url('ops'));
      return connect({ servers: url.host, user: url.username, pass: url.password });
    };
    const first = await open();
    const manager = await first.jetstreamManager();
    await manager.streams.add({ name: 'SMS_EVENTS', subjects: ['sms.billing.>', 'sms.dlr.>'] });
    await first.close();
    await nats.kill();
    await nats.start();
    const second = await open();
    const info = await (await second.jetstreamManager()).streams.info('SMS_EVENTS');
    expect(info.config.subjects).toEqual(['sms.billing.>', 'sms.dlr.>']);
    await second.close();
  });
});

// A connection whose end arrives together with its beginning: the client is handed over and broken
// in one breath, before anybody could have listened. The process must live on, and the pool replace
// the connection.

import { createServer, connect as dial, type Server } from 'node:net';
import pg from 'pg';
import { expect, it } from 'vitest';
import { openPool } from '../../../src/postgres/open-pool.js';
import { createDatabase } from '../../support/engines.js';

const READY_FOR_QUERY = Buffer.from('Z\0\0\0\x05I', 'latin1');
const LAST_WORDS = 'terminating connection due to administrator command';

it('survives a connection that Postgres ends while it is handed over', async () => {
  const database = await createDatabase();
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  const target = new URL(database.superuserUrl);
  const proxy = await startHoldingProxy(Number(target.port), () =>
    superuser.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handed-over'`,
    ),
  );
  const url = new URL(target);
  url.port = String(proxy.port);
  const pool = openPool({ reveal: () => url.href }, { max: 1, application_name: 'handed-over' });
  await expect(pool.connect().then((client) => use(client))).rejects.toThrow();
  expect(proxy.heldLastWords()).toBe(true);
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await pool.end();
  await superuser.end();
  proxy.server.close();
});

it('has its sessions in UTC, whatever the role is set to', async () => {
  const database = await createDatabase();
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  const { rows } = await superuser.query<{ name: string }>('SELECT current_user AS name');
  const role = pg.escapeIdentifier(rows[0]?.name ?? '');
  const url = new URL(database.superuserUrl);
  const inDatabase = `IN DATABASE ${pg.escapeIdentifier(url.pathname.slice(1))}`;
  await superuser.query(`ALTER ROLE ${role} ${inDatabase} SET TimeZone = 'Asia/Tokyo'`);
  url.searchParams.set('options', '-c work_mem=5MB');
  const pool = openPool({ reveal: () => url.href }, { max: 1 });
  const settings = await pool.query(
    `SELECT current_setting('TimeZone') AS zone, current_setting('work_mem') AS memory`,
  );
  expect(settings.rows).toEqual([{ zone: 'UTC', memory: '5MB' }]);
  await pool.end();
  await superuser.end();
});

async function use(client: pg.PoolClient): Promise<void> {
  let failure: Error | undefined;
  try {
    await client.query('SELECT 1');
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
}

/**
 * Holds back the first connection's answers from ReadyForQuery on, has it terminated, then hands
 * all over as one piece.
 */
async function startHoldingProxy(
  targetPort: number,
  terminate: () => Promise<unknown>,
): Promise<{ port: number; server: Server; heldLastWords: () => boolean }> {
  let first = true;
  let lastWords = false;
  const server = createServer((client) => {
    const target = dial(targetPort, '127.0.0.1');
    client.on('error', () => target.destroy()).on('close', () => target.destroy());
    target.on('error', () => client.destroy());
    client.pipe(target);
    if (!first) return void target.pipe(client);
    first = false;
    const held: Buffer[] = [];
    target.on('data', (piece) => {
      held.push(piece);
      const all = Buffer.concat(held);
      if (all.includes(LAST_WORDS)) {
        lastWords = true;
        client.end(all);
      } else if (all.includes(READY_FOR_QUERY)) {
        void terminate();
      } else {
        client.write(all);
        held.length = 0;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    server,
    heldLastWords: () => lastWords,
  };
}

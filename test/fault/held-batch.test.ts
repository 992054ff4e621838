// The two instants at which a kill matters most, met on purpose: an ingest process dies with a
// batch in its hands, once before the database has committed it and once after. A lock on a rollup
// holds the statement until the test lets go; looks go on, which read the ledger.

import { connect, type JetStreamManager } from 'nats';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Publication, publications } from '../../deploy/local/traffic/schedule.js';
import { ledgerOf } from '../oracle/ledger.js';
import { cellDifferences, cellsOf, readCells } from '../oracle/rollup-cells.js';
import { createSite, type TestSite } from '../support/site.js';
import { setAckWait } from './held-commit.js';

const HOUR = 3_600_000_000;
const ACK_WAIT_MS = 3_000;
const LOT = 150;

let site: TestSite;
let lots: Publication[][];
let manager: JetStreamManager;
let disconnect: () => Promise<void>;

beforeAll(async () => {
  const now = Math.floor(Date.now() / 1000) * 1_000_000;
  const plan = { seed: 5, paces: [{ from: now - 8 * HOUR, eventsPerSecond: 0.1, rhythm: false }] };
  const all = [...publications(plan, now - 8 * HOUR, now)].filter(({ invalid }) => !invalid);
  lots = [0, 1, 2, 3, 4].map((lot) => all.slice(lot * LOT, (lot + 1) * LOT));
  expect(all.length).toBeGreaterThan(5 * LOT);
  site = await createSite();
  const { host, password } = new URL(site.nats.url('ops'));
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  disconnect = () => connection.close();
  manager = await connection.jetstreamManager();
  await setAckWait(site, ACK_WAIT_MS);
  // The first process makes the ledger's days; afterwards only batches wait for the lock.
  await (await site.start('ingest')).stop();
});

afterAll(async () => {
  await disconnect?.();
  await site?.close();
});

let lock: pg.Client | undefined;
const unlock = async () => {
  await lock?.end();
  lock = undefined;
};
// A test that fails with the lock in its hands would keep the ones after it waiting.
afterEach(unlock);

/** Nothing can be counted until `unlock`. */
async function lockRollup(): Promise<void> {
  const client = new pg.Client({ connectionString: site.site.databaseUrl });
  await client.connect();
  await client.query('BEGIN');
  await client.query('LOCK TABLE outcome_account IN ACCESS EXCLUSIVE MODE');
  lock = client;
}

/** Sessions of ingest that wait for the lock: each holds one batch. */
async function waitingSessions(): Promise<number[]> {
  const { rows } = await site.database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE usename = 'analytics_ingest' AND datname = current_database()
       AND wait_event_type = 'Lock' ORDER BY pid`,
  );
  return rows.map(({ pid }) => pid);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 120_000; !(await condition()); ) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const unacknowledged = async (): Promise<number> =>
  (await manager.consumers.info('SMS_EVENTS', 'analytics-rollup')).num_ack_pending;

/** Rollups against the oracle, over everything in the stream. */
async function expectTruth(): Promise<void> {
  await site.drained();
  const stored = await site.stored();
  const differences = cellDifferences(await readCells(site.database), cellsOf(ledgerOf(stored)));
  expect(differences.slice(0, 12)).toEqual([]);
}

describe('an ingest process that is killed with a batch in its hands', () => {
  it('loses nothing before the commit: another process counts the batch', async () => {
    await lockRollup();
    await site.publish(lots[0] ?? []);
    const first = await site.spawn('ingest');
    await until('the first batch is held', async () => (await waitingSessions()).length === 1);
    const [session] = await waitingSessions();
    // What comes later is held, and later acknowledged, by another process.
    await site.publish(lots[1] ?? []);
    const second = await site.spawn('ingest');
    await until('the second batch is held', async () => (await waitingSessions()).length === 2);
    expect(await unacknowledged()).toBe(2 * LOT);
    first.kill('SIGKILL');
    await first.exited;
    await site.database.query('SELECT pg_terminate_backend($1)', [session]);
    await until('the first batch is given up', async () => (await waitingSessions()).length === 1);
    await unlock();
    await expectTruth();
    await second.stop();
  });

  it('counts nothing twice after the commit: the acknowledgement never came', async () => {
    await lockRollup();
    await site.publish(lots[2] ?? []);
    const first = await site.spawn('ingest');
    await until('the batch is held', async () => (await waitingSessions()).length === 1);
    first.kill('SIGKILL');
    await first.exited;
    // The statement goes on without its client, and commits.
    await unlock();
    await until('the batch is committed', async () => (await waitingSessions()).length === 0);
    expect(await unacknowledged()).toBeGreaterThanOrEqual(LOT);
    await site.publish(lots[3] ?? []);
    const second = await site.spawn('ingest');
    await expectTruth();
    await second.stop();
  });

  it('is tried again, and makes no dead letters, where its statement runs out of time', async () => {
    await lockRollup();
    // Conflicts are the traffic's own, wherever they fall.
    const counted = `SELECT count(*)::int AS count FROM dead_letter WHERE reason <> 'conflict'`;
    const letters = async () => (await site.database.query(counted)).rows[0]?.count;
    const before = await letters();
    await site.publish(lots[4] ?? []);
    const ingest = await site.spawn('ingest');
    // Cancelled by hand, which is to ingest what statement_timeout is: SQLSTATE 57014.
    for (let attempt = 1; attempt <= 2; attempt++) {
      await until('the batch is held', async () => (await waitingSessions()).length === 1);
      const [session] = await waitingSessions();
      await site.database.query('SELECT pg_cancel_backend($1)', [session]);
      await until(
        'it is tried anew',
        async () => !(await waitingSessions()).includes(session ?? 0),
      );
    }
    expect(ingest.tail(50)).toContain('batch not applied, trying again');
    await until('the batch is held again', async () => (await waitingSessions()).length === 1);
    await unlock();
    await expectTruth();
    expect(await letters()).toBe(before);
    await ingest.stop();
  });
});

// Holds an ingest process at the instant where its batch is in the hands of Postgres and not
// committed: the statement waits for a table, while everything that only looks goes on. Shared by
// the tests that need that instant.

import { type ConsumerInfo, connect, type JetStreamManager, nanos } from 'nats';
import pg from 'pg';
import type { Child } from '../../deploy/local/engines/child.js';
import type { Publication } from '../../deploy/local/traffic/schedule.js';
import type { TestSite } from '../support/site.js';

const STREAM = 'SMS_EVENTS';
const DURABLE = 'analytics-rollup';

/**
 * Nothing can be counted until the returned function is called; looks and the start of a process go
 * on.
 */
export async function holdCommits(site: TestSite): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: site.site.databaseUrl });
  await client.connect();
  await client.query('BEGIN');
  await client.query('LOCK TABLE outcome_account IN ACCESS EXCLUSIVE MODE');
  return () => client.end();
}

/** Sessions of ingest that wait for the table: each has been sent one batch. */
export async function heldSessions(site: TestSite): Promise<number[]> {
  const { rows } = await site.database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE usename = 'analytics_ingest' AND datname = current_database()
       AND wait_event_type = 'Lock' ORDER BY pid`,
  );
  return rows.map(({ pid }) => pid);
}

/** How many batches this process has committed. */
export async function committedBatches(site: TestSite, { pid }: Child): Promise<number> {
  const { rows } = await site.database.query<{ batches: number }>(
    `SELECT coalesce(sum(revision), 0)::int AS batches FROM ingest_progress WHERE worker LIKE '%-' || $1`,
    [String(pid)],
  );
  return rows[0]?.batches ?? 0;
}

/** Runs `act` with the rights of ops. */
export async function asOps<T>(site: TestSite, act: (manager: JetStreamManager) => Promise<T>) {
  const { host, password } = new URL(site.nats.url('ops'));
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  try {
    return await act(await connection.jetstreamManager());
  } finally {
    await connection.close();
  }
}

/** What the broker says of the durable. */
export function durable(site: TestSite): Promise<ConsumerInfo> {
  return asOps(site, (manager) => manager.consumers.info(STREAM, DURABLE));
}

/**
 * How long the durable waits for an acknowledgement before it delivers again; until the next `ops
 * setup`.
 */
export async function setAckWait(site: TestSite, milliseconds: number): Promise<void> {
  const wait = { ack_wait: nanos(milliseconds) };
  await asOps(site, (manager) => manager.consumers.update(STREAM, DURABLE, wait));
}

/**
 * An event that is refused; published alone it stands where it is wanted, as a lot keeps no order
 * of its own.
 */
export function refusedOf(lot: readonly Publication[]): Publication[] {
  const headers = { 'content-type': 'application/json' };
  return lot.slice(0, 1).map((one) => ({ ...one, payload: Buffer.from('{}'), headers }));
}

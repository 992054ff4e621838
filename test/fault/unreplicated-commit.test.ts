// A commit waits for a synchronous standby that does not come, and somebody cancels the wait:
// Postgres reports success with a warning. Ingest takes the batch for not committed: it announces
// nothing and acknowledges nothing, and commits again until no wait was cut short.

import { connect, type NatsConnection } from 'nats';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { announceJudged } from '../../src/counting/announce/announce.js';
import { type CommitOptions, commit, prepare } from '../../src/counting/commit.js';
import { createLedgerDays } from '../../src/counting/guard/ingest-progress.js';
import { applyTrusted } from '../../src/counting/ledger/apply-batch.js';
import { DEFAULT_ADMISSION_RULES } from '../../src/domain/message/admission.js';
import type { Envelope } from '../../src/nats/envelope.js';
import type { Log } from '../../src/platform/log.js';
import { type Restartable, startNats, startPostgres, type TestNats } from '../support/engines.js';
import { chargeOf } from '../support/publications.js';
import { silentLog } from '../support/silent-log.js';

const PATIENCE = { timeout: 30_000, interval: 50 };
const ACCEPTED_AT = new Date(Date.now() - 3_600_000).toISOString();

let postgres: Restartable;
let nats: TestNats;
let superuser: pg.Pool;
let pool: pg.Pool;
let streamId: number;
let ingest: NatsConnection;
let billing: NatsConnection;

beforeAll(async () => {
  const database = await startPostgres();
  postgres = database;
  nats = await startNats();
  superuser = new pg.Pool({ connectionString: database.superuserUrl, max: 1 });
  pool = new pg.Pool({
    connectionString: database.url('analytics_ingest'),
    options: '-c synchronous_commit=on',
  });
  // The server ends before the last of their sockets does.
  for (const each of [pool, superuser]) each.on('error', () => {});
  await createLedgerDays(pool, 1);
  const { rows } = await pool.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id ?? 0;
  const as = (user: 'ingest' | 'billing') => {
    const { host, password } = new URL(nats.url(user));
    return connect({ servers: host, user, pass: password });
  };
  [ingest, billing] = await Promise.all([as('ingest'), as('billing')]);
});
afterAll(async () => {
  await Promise.all([ingest?.close(), billing?.close(), pool?.end(), superuser?.end()]);
  await Promise.all([postgres?.stop(), nats?.stop()]);
});

async function waitForStandby(names: string): Promise<void> {
  await superuser.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
  await superuser.query('SELECT pg_reload_conf()');
}

/** Backends that wait for a standby. */
async function waiting(): Promise<number[]> {
  const { rows } = await superuser.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`,
  );
  return rows.map(({ pid }) => pid);
}

function charge(sequence: number): Envelope {
  const content = chargeOf(sequence, { acceptedAt: ACCEPTED_AT, chargedAt: ACCEPTED_AT });
  return {
    subject: 'sms.billing.v1.charged',
    sequence,
    timestamp: Date.parse(ACCEPTED_AT) * 1_000,
    contentType: 'application/json',
    payload: Buffer.from(JSON.stringify(content)),
    replySubject: 'reply',
    redelivered: false,
    traceparent: undefined,
  };
}

it('neither announces nor ends a commit whose wait for a standby was cancelled', async () => {
  const heard: number[] = [];
  billing.subscribe('sms.counted.v1.billing', {
    callback: (_, { data }) => heard.push(data.length / 8),
  });
  await billing.flush();
  const warnings: unknown[] = [];
  const log: Log = {
    ...silentLog,
    warn: (_message: string, fields?: { error?: unknown }) => {
      warnings.push(fields?.error);
    },
  };
  const context = { generation: 1, streamId, worker: 'one' };
  const options: CommitOptions = {
    apply: (batch) => applyTrusted(pool, { trust: async () => {} }, context, batch),
    announce: (batch) => announceJudged(ingest, log, batch),
    rules: DEFAULT_ADMISSION_RULES,
    guard: { ledgerFloor: -Infinity, missingDays: new Set(), lookAtDays: async () => 0 },
    stopping: new AbortController().signal,
    log,
  };

  await waitForStandby('ANY 1 (nobody)');
  let isCommitted = false;
  const committing = commit(options, prepare(options, [charge(1), charge(2)], streamId));
  void committing.then(() => {
    isCommitted = true;
  });
  for (const time of [1, 2]) {
    await expect.poll(waiting, PATIENCE).toHaveLength(1);
    const [pid] = await waiting();
    await superuser.query('SELECT pg_cancel_backend($1)', [pid]);
    await expect.poll(() => warnings.length, PATIENCE).toBe(time);
  }
  expect(warnings.map(String)).toEqual(
    Array(2).fill('NotReplicated: the wait of a commit for a synchronous standby was cancelled'),
  );
  await expect.poll(waiting, PATIENCE).toHaveLength(1);
  // The rows are there for all to see: only the standby is missing.
  const { rows } = await superuser.query('SELECT count(*)::int AS messages FROM ledger');
  expect(rows).toEqual([{ messages: 2 }]);
  await ingest.flush();
  await billing.flush();
  expect([isCommitted, heard]).toEqual([false, []]);

  await waitForStandby('');
  await committing;
  await ingest.flush();
  await billing.flush();
  expect(heard).toEqual([2]);
});

// How the api process goes: it says that it is not ready while it still answers, takes no new call,
// ends the running ones, and then itself. A locked table holds a call for as long as the test
// wants.

import { once } from 'node:events';
import { status as GrpcCode } from '@grpc/grpc-js';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  HealthClient,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../../src/generated/proto/grpc/health/v1/health.js';
import type { AnalyticsServiceClient } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { type ApiProcess, RANGE, startApiProcess } from '../../support/api-process.js';
import {
  type CallEnd,
  call,
  channelCredentials,
  clientFor,
  startTestServer,
} from '../../support/api-server.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';

const patient = { timeout: 60_000, interval: 10 };
const CALL_MS = 120_000;

let api: ApiProcess;
let issued: Issued;
let client: AnalyticsServiceClient;
let locker: pg.Client | undefined;

beforeAll(async () => {
  // No answer is remembered, so that each call reads the locked table.
  api = await startApiProcess({ ANSWER_CACHE_ENTRIES: '0' });
  issued = await issueCaller(api.authority, ADMIN);
});
beforeEach(() => {
  client = clientFor(api, issued);
});
afterEach(async () => {
  client.close();
  await unlock();
});
afterAll(() => api?.close());

async function unlock(): Promise<void> {
  await locker?.end();
  locker = undefined;
}

const ask = (by = client) => call(by, 'getSummary', { range: RANGE }, {}, CALL_MS);

/** A call that is at work in Postgres and cannot go on before `unlock`. */
async function heldCall(): Promise<Promise<CallEnd>[]> {
  locker = new pg.Client({ connectionString: api.site.site.databaseUrl });
  await locker.connect();
  await locker.query('BEGIN; LOCK TABLE money_sum IN ACCESS EXCLUSIVE MODE');
  const ending = ask();
  await expect.poll(waitingInPostgres, patient).toBe(1);
  // In a list, as an async function would wait for a bare promise.
  return [ending];
}

async function waitingInPostgres(): Promise<number> {
  const { rows } = await api.site.database.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database()
      AND application_name LIKE 'sms-analytics-api%' AND wait_event_type = 'Lock'`,
  );
  return rows.length;
}

const readyStatus = async () =>
  (await fetch(`http://127.0.0.1:${api.site.site.ports.apiAdmin}/readyz`)).status;

/** What a watch of the health is told from now on. */
async function watchHealth(): Promise<{ seen: string[]; ended: Promise<unknown> }> {
  const health = new HealthClient(api.target, channelCredentials(api, issued));
  const seen: string[] = [];
  const watch = health.watch({ service: '' });
  watch.on('data', ({ status }) => seen.push(Serving[status] ?? '?'));
  const ended = once(watch, 'end').finally(() => health.close());
  await expect.poll(() => seen, patient).toEqual(['SERVING']);
  return { seen, ended };
}

/** The events of the log since line `from`, with what ended the calls. */
const eventsSince = (from: number, lines: readonly string[]) =>
  lines
    .slice(from)
    .map((line) => JSON.parse(line))
    .map(({ msg, code, state }) => [msg, code ?? state].filter(Boolean).join(' '));

test('on SIGTERM it is not ready first, answers what runs, takes nothing new, and ends with 0', async () => {
  const { seen, ended } = await watchHealth();
  const [ending] = await heldCall();
  const from = api.logLines().length;
  api.child.kill('SIGTERM');
  // From here to `unlock` a running call has ten seconds before it is cut, a hundred times what
  // this takes. The side door still answers, so that whoever balances the load sees it and turns
  // away.
  await expect.poll(readyStatus, patient).toBe(503);
  await ended;
  expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
  const late = clientFor(api, issued);
  const refused = await Promise.all([ask(late), ask()]);
  expect(refused.map(({ code }) => code)).toEqual([GrpcCode.UNAVAILABLE, GrpcCode.UNAVAILABLE]);
  late.close();
  // All that came while the call was held.
  expect(await waitingInPostgres()).toBe(1);
  expect(api.child.running).toBe(true);
  await unlock();
  expect(await ending).toMatchObject({ code: GrpcCode.OK, response: { counts: { accepted: 3n } } });
  expect(await api.child.exited).toBe('exited with code 0');
  expect(eventsSince(from, api.logLines())).toEqual([
    'stopping',
    'readiness changed not ready',
    'call OK', // the watch of the health
    'call OK', // what was held
    'stopped',
  ]);
});

test('a call that does not end within the grace is cut, and its work is told', async () => {
  let begun = false;
  let told = false;
  // Not in the process, where no statement goes on for longer than the grace.
  const server = await startTestServer({
    queries: {
      getSummary: (_request, { signal }) =>
        new Promise((_, reject) => {
          begun = true;
          signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('told'));
          });
        }),
    },
  });
  const caller = clientFor(server, await issueCaller(server.authority, ADMIN));
  const ending = ask(caller);
  await expect.poll(() => begun, patient).toBe(true);
  await server.stop();
  // A few turns of this process's own loop, not a time: a dead connection ends its calls after 30 s
  // anyway.
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(told).toBe(true);
  expect(await ending).toMatchObject({ code: GrpcCode.UNAVAILABLE });
  caller.close();
});

// A rebuild on the running local stack, by the lines that the runbook gives: the swap retires the
// generation of the stack's ingest, which ends well and unasked. The stack starts another in its
// place, which counts on in the new generation; nothing else ends, nothing is counted twice, and a
// signal still ends all of it.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, startChild } from '../../deploy/local/engines/child.js';
import type { TlsFiles } from '../../deploy/local/secrets/certificates.js';
import { plainEnvironment } from '../../deploy/local/stack/services.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import type { SmsEvent } from '../../deploy/local/traffic/event.js';
import { Publisher } from '../../deploy/local/traffic/publisher.js';
import {
  charge,
  delivered,
  type OpsRun,
  publication,
  until,
} from '../integration/operating/run-ops.js';
import { type Analytics, analyticsClient } from '../support/analytics-client.js';
import { type LocalStack, openPorts, startLocalStack, survivors } from '../support/local-stack.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const MINUTES = 60_000;
/** Longer than any wait within. */
const LONG = { timeout: 12 * MINUTES };
const PATIENT = { timeout: 5 * MINUTES, interval: 250 };
const DAY_MS = 86_400_000;
const dayIn = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
/** Around the events, which are an hour old; the range is open all the while. */
const QUESTION = {
  range: { start: dayIn(-2), end: dayIn(2) },
  timeZone: '',
  granularity: 0,
  weekStart: 0,
  compare: 0,
  compareElapsed: false,
};

let dataDir: string;
let stack: LocalStack;
let dashboard: Analytics;
let second: Child | undefined;
/** Every process that was seen in the address book or was started here. */
const pidsSeen: Record<string, number> = {};

beforeAll(async () => {
  dataDir = await temporaryDirectory('swap');
  stack = startLocalStack(dataDir, ['--no-traffic'], true);
  await stack.says(/Everything runs/, 4 * MINUTES);
  const { grpc, tls } = stack.book();
  dashboard = analyticsClient(Number(grpc.split(':')[1]), tls as TlsFiles, 'admin-dashboard');
}, 5 * MINUTES);

afterAll(async () => {
  dashboard?.close();
  await second?.stop();
  if (stack?.process.kill('SIGTERM')) await stack.ended;
});

/** As `work` does; rejects as soon as the stack ends, which it must not meanwhile. */
function whileItRuns<T>(work: Promise<T>): Promise<T> {
  const ended = stack.ended.then((code): never => {
    throw new Error(`the stack ended with code ${code}:\n${stack.said().slice(-2_000)}`);
  });
  return Promise.race([work, ended]);
}

const verbProgram = (verb: 'ops' | 'ingest') =>
  join(projectRoot, `dist/deploy/local/verbs/${verb}.js`);

/** Finds this stack, not one of the developer's own. */
const verbEnvironment = () => ({
  ...plainEnvironment(),
  STACK_ADDRESS_BOOK: join(dataDir, 'shared-stack.json'),
});

/** What `npm run ops -- <args>` runs. */
function ops(...args: string[]): Promise<OpsRun> {
  return new Promise((resolve) => {
    const options = { cwd: projectRoot, env: verbEnvironment() };
    execFile(process.execPath, [verbProgram('ops'), ...args], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
  });
}

async function publish(...events: SmsEvent[]): Promise<void> {
  const { billing, dlr } = stack.book().nats;
  const publisher = await Publisher.connect({ billing, dlr });
  for (const event of events) await publisher.publish(publication(event));
  await publisher.close();
}

/** The dashboard's answer without when it was given. */
async function numbers(): Promise<object> {
  const { meta: _meta, ...rest } = await dashboard.getSummary(QUESTION);
  return rest;
}

async function accepted(): Promise<bigint | undefined> {
  return (await dashboard.getSummary(QUESTION)).counts?.accepted;
}

/** Generation, its state and the messages of its rollup, the oldest generation first. */
async function generations(): Promise<string[]> {
  const client = new pg.Client({ connectionString: stack.book().postgres });
  await client.connect();
  const { rows } = await client.query<{ line: string }>(
    `SELECT concat_ws(' ', generation, state,
              (SELECT coalesce(sum(messages), 0) FROM outcome_platform o
               WHERE o.generation = g.generation AND grain_minutes = 15)) AS line
     FROM generation g ORDER BY generation`,
  );
  await client.end();
  return rows.map(({ line }) => line);
}

/**
 * Every ingest on this stack, its own or another: who has the address and the password that only
 * they are given.
 */
function ingestPids(natsUrl: string): number[] {
  const holds = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`NATS_URL=${natsUrl}\0`);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && holds(name))
    .map(Number);
}

/** Until it has counted what the serving generation has, and the two say the same. */
async function caughtUp(): Promise<boolean> {
  const { code, out } = await ops('rebuild', 'status', '--json');
  if (code !== 0) return false;
  const { waiting, dataAsOf, totals, differingDays } = JSON.parse(out);
  const equal = totals.every((one: { old: string; new: string }) => one.old === one.new);
  return waiting === 0 && dataAsOf.new !== undefined && equal && differingDays.length === 0;
}

describe('ops rebuild on the local stack', () => {
  let before: object;

  test('fills a new generation by a second ingest on the same stack', LONG, async () => {
    const first = charge();
    await publish(first, charge(), charge(), delivered(first));
    const counted = { counts: { accepted: 3n, delivered: 1n } };
    await expect.poll(numbers, PATIENT).toMatchObject(counted);
    before = await numbers();

    const start = await whileItRuns(ops('rebuild', 'start', '--yes'));
    expect(start.code, start.out + start.err).toBe(0);
    second = await startChild({
      name: 'second ingest',
      command: process.execPath,
      args: [verbProgram('ingest'), '--generation', '2'],
      logFile: join(dataDir, 'logs/second-ingest.log'),
      env: verbEnvironment(),
    });
    await until('caught up', () => whileItRuns(caughtUp()), 5 * MINUTES);
    expect(second.running, second.tail()).toBe(true);
    expect(ingestPids(stack.book().nats.ingest)).toHaveLength(2);
    expect(await generations()).toEqual(['1 serving 3', '2 building 3']);
  });

  test('replaces the stack’s ingest at the swap, and stays up', LONG, async () => {
    const old = stack.book();
    Object.assign(pidsSeen, old.pids, { 'first ingest': old.pids.ingest });
    const swap = () => whileItRuns(ops('rebuild', 'swap', '--yes'));
    await until('swapped', async () => (await swap()).code === 0, 5 * MINUTES);
    const replaced = async () => stack.book().pids.ingest !== old.pids.ingest;
    await until('another ingest', () => whileItRuns(replaced()), 5 * MINUTES);

    const { pids, admin } = stack.book();
    Object.assign(pidsSeen, pids, { 'second ingest': second?.pid });
    expect(survivors({ 'first ingest': old.pids.ingest ?? 0 })).toEqual([]);
    expect(survivors(pids).sort()).toEqual(['api', 'clickhouse', 'ingest', 'nats', 'postgres']);
    expect(pids).toEqual({ ...old.pids, ingest: pids.ingest });
    expect((await fetch(`${admin.ingest}/readyz`)).status).toBe(200);
    expect((await fetch(`${admin.api}/readyz`)).status).toBe(200);
    expect(await numbers()).toEqual(before);
  });

  test('counts what is published after it into the new generation', LONG, async () => {
    // Without the second ingest, so that it is the stack's own that counts.
    await second?.stop(MINUTES);
    expect(await second?.exited).toBe('exited with code 0');
    const { nats, pids } = stack.book();
    await expect.poll(() => ingestPids(nats.ingest), PATIENT).toEqual([pids.ingest]);

    await publish(charge());
    await until('counted', async () => (await whileItRuns(accepted())) === 4n, 5 * MINUTES);
    expect(await generations()).toEqual(['1 retired 0', '2 serving 4']);
    expect(stack.said()).not.toContain('Stopped:');
  });

  test('ends on SIGTERM with code 0, and leaves no process or port', LONG, async () => {
    const book = stack.book();
    stack.process.kill('SIGTERM');
    expect(await stack.ended).toBe(0);
    expect(survivors(pidsSeen)).toEqual([]);
    expect(ingestPids(book.nats.ingest)).toEqual([]);
    expect(await openPorts(book)).toEqual([]);
  });
});

// What cannot heal by itself, done to running processes: the stream recreated or rolled back,
// Postgres restored to an older copy. Ingest notices, stops, fails its readiness and names the
// command after which the numbers are right, without a restart. And what must heal by itself: a
// long outage of Postgres before a backlog, in bounded memory.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type JetStreamManager } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from '../support/engines.js';
import { createSite, type TestSite } from '../support/site.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import {
  type Counter,
  copyDirectory,
  fingerprint,
  lotsOf,
  Published,
  putBack,
  startCounter,
  until,
  untilRefusing,
} from './guarded-ingest.js';

const STREAM = 'SMS_EVENTS';
const DURABLE = 'analytics-rollup';
/** Longer than two looks of the guard and a pull. */
const A_WHILE_MS = 2_500;

let copies: string;
beforeAll(async () => {
  copies = await temporaryDirectory('copies');
});

async function asOps<T>(site: TestSite, act: (manager: JetStreamManager) => Promise<T>) {
  const { host, password } = new URL(site.nats.url('ops'));
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  try {
    return await act(await connection.jetstreamManager());
  } finally {
    await connection.close();
  }
}

/** Nothing is counted, neither by this process nor by one that is started now. */
async function expectNothingCounted(site: TestSite, what: string, command: string): Promise<void> {
  const before = await fingerprint(site);
  const fresh = await startCounter(site);
  await untilRefusing(fresh, what, command);
  await sleep(A_WHILE_MS);
  expect(await fingerprint(site)).toBe(before);
  await fresh.child.stop();
}

describe('a stream whose sequences name other events', () => {
  let site: TestSite;
  let published: Published;
  let counter: Counter;
  const lots = lotsOf(7, 200, 11);
  const lot = (index: number) => lots[index] ?? [];

  beforeAll(async () => {
    site = await createSite();
    published = new Published(site);
    counter = await startCounter(site);
  });
  afterAll(() => site?.close());

  it('is refused when it was deleted and recreated, and counted on once it is adopted', async () => {
    await published.publish([...lot(0), ...lot(1)]);
    await published.expectCounted();
    await asOps(site, (manager) => manager.streams.delete(STREAM));
    await site.ops('setup');
    await untilRefusing(counter, 'recreated', 'ops adopt-stream');
    const warning = /"level":"warn".*"msg":"not ready"/;
    await until('the log warns that it is not ready', () => warning.test(counter.log()));
    // Its sequences are used again, and half of the events are known already.
    await published.publish([...lot(1), ...lot(2)]);
    await expectNothingCounted(site, 'recreated', 'ops adopt-stream');
    await site.ops('adopt-stream', '--yes');
    await published.expectCounted();
    await until('ready again', async () => (await counter.readyStatus()) === 200);
    await published.publish(lot(3));
    await published.expectCounted();
    expect(counter.child.running).toBe(true);
  });

  it('is waited for while it is missing', async () => {
    counter.forget();
    await asOps(site, (manager) => manager.streams.delete(STREAM));
    await untilRefusing(counter, 'does not exist any more', 'ops adopt-stream');
    await sleep(A_WHILE_MS);
    await site.ops('adopt-stream', '--yes');
    await published.publish(lot(4));
    await published.expectCounted();
    expect(counter.child.running).toBe(true);
  });

  it('is refused when the store of NATS was rolled back, and counted on once it is adopted', async () => {
    const copy = join(copies, 'nats');
    await site.nats.stop();
    copyDirectory(site.nats.dataDir, copy);
    await site.nats.start();
    await published.publish(lot(5));
    await published.expectCounted();
    await site.nats.stop();
    putBack(copy, site.nats.dataDir);
    counter.forget();
    await site.nats.start();
    await untilRefusing(counter, 'rolled back', 'ops adopt-stream');
    // Fewer than were lost, under their sequences.
    await published.publish(lot(6).slice(0, 150));
    await expectNothingCounted(site, 'rolled back', 'ops adopt-stream');
    await site.ops('adopt-stream', '--yes');
    await published.expectCounted();
    await published.publish(lot(6).slice(150));
    await published.expectCounted();
    expect(counter.child.running).toBe(true);
  });
});

describe("a Postgres of the test's own", () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let site: TestSite;
  let published: Published;
  const lots = lotsOf(5, 200, 12);
  const lot = (index: number) => lots[index] ?? [];
  const counters: Counter[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    site = await createSite({ database: postgres });
    published = new Published(site);
  });
  afterEach(() => Promise.all(counters.splice(0).map(({ child }) => child.stop())));
  afterAll(async () => {
    await site?.close();
    await postgres?.stop();
  });

  async function start(env: Record<string, string> = {}): Promise<Counter> {
    const counter = await startCounter(site, env);
    counters.push(counter);
    return counter;
  }

  it.each([
    { when: 'while nothing is published', waiting: 0 },
    { when: 'while a batch waits for it', waiting: 50 },
  ])('is refused when it was restored $when, and right after the seek', async ({ waiting }) => {
    const counter = await start();
    const { rows } = await site.database.query<{ data_directory: string }>('SHOW data_directory');
    const cluster = rows[0]?.data_directory ?? '';
    const copy = join(copies, `postgres-${waiting}`);
    const [early, late, last] = waiting === 0 ? [0, 1, 2] : [2, 3, 4];
    await published.publish(lot(early));
    await published.expectCounted();
    await postgres.stop();
    copyDirectory(cluster, copy);
    await postgres.start();
    await published.publish(lot(late));
    await published.expectCounted();
    await postgres.stop();
    putBack(copy, cluster);
    // What is published now is in the hands of ingest before Postgres is there.
    await published.publish(lot(last).slice(0, waiting));
    if (waiting > 0) await sleep(A_WHILE_MS);
    await postgres.start();
    await untilRefusing(counter, 'restored', 'ops seek --to-data-as-of');
    await expectNothingCounted(site, 'restored', 'ops seek --to-data-as-of');
    await site.ops('seek', '--to-data-as-of', '--yes');
    await published.expectCounted();
    await until('ready again', async () => (await counter.readyStatus()) === 200);
    await published.publish(lot(last).slice(waiting));
    await published.expectCounted();
    expect(counter.child.running).toBe(true);
  });

  it('is waited for with a backlog of 30,000 events: two batches in memory, no more', async () => {
    const batchSize = 2_000;
    const counter = await start({ BATCH_SIZE: String(batchSize) });
    await until('ready', async () => (await counter.readyStatus()) === 200);
    await postgres.stop();
    const [backlog = []] = lotsOf(1, 30_000, 13);
    await published.publish(backlog);
    await sleep(A_WHILE_MS);
    const info = await asOps(site, (manager) => manager.consumers.info(STREAM, DURABLE));
    // One batch that cannot be committed, one that was pulled ahead of it.
    expect(info.num_ack_pending).toBeGreaterThan(0);
    expect(info.num_ack_pending).toBeLessThanOrEqual(2 * batchSize);
    await postgres.start();
    await published.expectCounted();
    expect(peakMegabytes(counter)).toBeLessThan(256);
    expect(counter.child.running).toBe(true);
  });
});

/** The most that was ever resident. */
function peakMegabytes({ child }: Counter): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

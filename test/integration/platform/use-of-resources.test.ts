// What running processes tell Prometheus about what they use: ingest's pool, the api's cache and
// pools.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Child, waitUntilReady } from '../../../deploy/local/engines/child.js';
import { createAnalyticsClient } from '../../../src/client/index.js';
import { createSite, type TestSite } from '../../support/site.js';

let site: TestSite;
let ingest: Child;
beforeAll(async () => {
  site = await createSite();
  const { ingestAdmin } = site.site.ports;
  ingest = await site.spawn('ingest', { ADMIN_PORT: String(ingestAdmin) });
  await site.start('api');
  const isReady = async () => (await fetch(`http://127.0.0.1:${ingestAdmin}/readyz`)).ok;
  await waitUntilReady(ingest, isReady, { timeoutMs: 180_000 });
});
afterAll(() => site?.close());

/**
 * The samples whose name begins with `prefix`: name and labels, but that of the process, to value.
 */
async function samples(port: number, prefix: string): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(prefix));
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', value] = line.replace(/,?binary="\w+"/, '').split(' ');
      return [name.replace('{}', ''), Number(value)];
    }),
  );
}

const POOLS = 'sms_analytics_pool_connections';
const CACHE = 'sms_analytics_answer_cache_';

test('ingest says how full its pool of three connections is', async () => {
  const use = await samples(site.site.ports.ingestAdmin, POOLS);
  expect(Object.keys(use)).toEqual(
    ['open', 'busy', 'waiting'].map((state) => `${POOLS}{pool="ingest",state="${state}"}`),
  );
  const [open = 0, busy = 0] = Object.values(use);
  expect(open).toBeGreaterThanOrEqual(1);
  expect(open).toBeLessThanOrEqual(3);
  expect(busy).toBeLessThanOrEqual(open);
});

test('the api says how full its pools are and how often its cache helped, however often it is asked', async () => {
  // Without ingest nothing changes any more, so that the same question has the same answer.
  await ingest.stop();
  const { ca, identities } = site.tls;
  const client = createAnalyticsClient({
    target: `localhost:${site.site.ports.grpc}`,
    tls: { ca, ...identities['admin-dashboard'] },
    defaultDeadlineMs: 20_000,
  });
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const range = { start: day(-1), end: day(1) };
  const { apiAdmin } = site.site.ports;
  const before = await samples(apiAdmin, CACHE);
  expect(before).toEqual({
    [`${CACHE}entries`]: 0,
    [`${CACHE}bytes`]: 0,
    [`${CACHE}hits_total`]: 0,
    [`${CACHE}misses_total`]: 0,
  });
  let asked = 0;
  let after = before;
  // The api looks at the revision every 200 ms: only with the next look may it know of ingest's
  // last words.
  const askAgain = async () => {
    await client.getSummary({ range });
    asked += 1;
    after = await samples(apiAdmin, CACHE);
    return after[`${CACHE}hits_total`];
  };
  await expect.poll(askAgain, { timeout: 30_000 }).toBe(2);
  client.close();
  expect(after[`${CACHE}misses_total`]).toBe(asked - 2);
  expect(after[`${CACHE}entries`]).toBe(1);
  expect(after[`${CACHE}bytes`]).toBeGreaterThan(0);
  const pools = Object.keys(await samples(apiAdmin, POOLS)).map((name) =>
    /pool="(\w+)"/.exec(name),
  );
  expect(new Set(pools.map((match) => match?.[1]))).toEqual(
    new Set(['platform', 'account', 'state']),
  );
});

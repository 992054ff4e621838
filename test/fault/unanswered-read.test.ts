// Postgres goes without a word while the api has connections to it: no answer comes and nothing is
// closed, as where a host is lost. What is asked meanwhile ends by its deadline, the process says
// that it is not ready and its metrics go on; the dead connections are given up, and new ones
// answer long before TCP gives up the old.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { environmentOf } from '../../deploy/local/stack/services.js';
import {
  GetAccountUsageRequest,
  GetSummaryRequest,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { type Analytics, analyticsClient } from '../support/analytics-client.js';
import { createSite, type TestSite } from '../support/site.js';
import { until } from './guarded-ingest.js';
import { type CuttingProxy, startCuttingProxy } from './soak/cutting-proxy.js';

const RANGE = { start: '2026-11-01', end: '2026-11-02' };
/** Far less than the minutes that TCP tries for. */
const HEALED_MS = 60_000;

let site: TestSite;
let proxy: CuttingProxy;
let admin: Analytics;
let portal: Analytics;

beforeAll(async () => {
  site = await createSite();
  proxy = await startCuttingProxy(site.site.ports.postgres);
  const env = environmentOf('api', site.site);
  await site.start('api', {
    DATABASE_URL: proxy.through(env.DATABASE_URL),
    ACCOUNT_DATABASE_URL: proxy.through(env.ACCOUNT_DATABASE_URL),
  });
  admin = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
  portal = analyticsClient(site.site.ports.grpc, site.tls, 'customer-portal', 'acme');
});
afterAll(async () => {
  admin?.close();
  portal?.close();
  await site?.close();
  await proxy?.close();
});

const adminUrl = (path: string) => `http://127.0.0.1:${site.site.ports.apiAdmin}${path}`;
const readyStatus = async () => (await fetch(adminUrl('/readyz'))).status;
const scraped = async () =>
  (await fetch(adminUrl('/metrics'), { signal: AbortSignal.timeout(HEALED_MS) })).text();

/** Connections of any pool at work. */
async function busy(): Promise<number> {
  const sample = /^sms_analytics_pool_connections\{.*state="busy".*\} (\d+)$/gm;
  const counts = [...(await scraped()).matchAll(sample)].map(([, count]) => Number(count));
  expect(counts).toHaveLength(3);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Both pools of answers. */
const asked = () => [
  admin.getSummary(GetSummaryRequest.fromPartial({ range: RANGE })),
  portal.getAccountUsage(GetAccountUsageRequest.fromPartial({ accountId: 'acme', range: RANGE })),
];

it('gives up connections on which no answer comes, and answers on new ones', async () => {
  await Promise.all(asked());
  expect(await scraped()).toContain('sms_analytics_copy_last_run');
  const comeBack = proxy.vanish();
  const ends = Promise.allSettled(asked());
  await until('not ready', async () => (await readyStatus()) === 503);
  expect(await scraped()).toContain('sms_analytics_copy_last_run');
  comeBack();
  await ends;
  await until('ready', async () => (await readyStatus()) === 200, HEALED_MS);
  await until('no dead connection is kept', async () => (await busy()) === 0, HEALED_MS);
  await Promise.all(asked());
});

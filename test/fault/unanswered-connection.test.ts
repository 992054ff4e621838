// What listens in the place of Postgres takes connections and says nothing, for a while: ingest
// does not wait for them for ever, and counts when there is a Postgres again.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, it } from 'vitest';
import { environmentOf } from '../../deploy/local/stack/services.js';
import { createSite, type TestSite } from '../support/site.js';
import { lotsOf, Published, startCounter, until } from './guarded-ingest.js';
import { type CuttingProxy, startCuttingProxy } from './soak/cutting-proxy.js';

/** Enough for both connections to be tried anew. */
const SILENT_MS = 4_000;

let site: TestSite;
let proxy: CuttingProxy;
let published: Published;
const [first = [], second = []] = lotsOf(2, 20, 37);

beforeAll(async () => {
  site = await createSite();
  proxy = await startCuttingProxy(site.site.ports.postgres);
  published = new Published(site);
});
afterAll(async () => {
  await site?.close();
  await proxy?.close();
});

it('connections that are never answered are given up, and all is counted on new ones', async () => {
  const counter = await startCounter(site, {
    DATABASE_URL: proxy.through(environmentOf('ingest', site.site).DATABASE_URL),
  });
  await published.publish(first);
  await published.expectCells();
  const comeBack = proxy.vanish();
  proxy.cut();
  await published.publish(second);
  await until('a look has failed', () => counter.log().includes('look failed'));
  await sleep(SILENT_MS);
  comeBack();
  await published.expectCells();
  await until('ready', async () => (await counter.readyStatus()) === 200);
  await counter.child.stop();
});

// The connection to Postgres goes while a batch is committed: the statement is with the server, its
// answer never arrives. Whether it was carried out is unknown to the process; both cases are made
// here, and in both all is counted once.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { environmentOf } from '../../deploy/local/stack/services.js';
import { createSite, type TestSite } from '../support/site.js';
import { lotsOf, Published, startCounter, until } from './guarded-ingest.js';
import { committedBatches, durable, heldSessions, holdCommits, refusedOf } from './held-commit.js';
import { type CuttingProxy, startCuttingProxy } from './soak/cutting-proxy.js';

const LOT = 150;

let site: TestSite;
let proxy: CuttingProxy;
let published: Published;
const lots = lotsOf(2, LOT, 29);

beforeAll(async () => {
  site = await createSite();
  proxy = await startCuttingProxy(site.site.ports.postgres);
  published = new Published(site);
});
afterAll(async () => {
  await site?.close();
  await proxy?.close();
});

it.each([
  { what: 'was carried out', lot: 0, carriedOut: true },
  { what: 'was not carried out', lot: 1, carriedOut: false },
])('a statement without an answer that $what counts once', async ({ lot, carriedOut }) => {
  const events = lots[lot] ?? [];
  const unlock = await holdCommits(site);
  await published.publish(events);
  await site.publish(refusedOf(events));
  const { child, log } = await startCounter(site, {
    DATABASE_URL: proxy.through(environmentOf('ingest', site.site).DATABASE_URL),
    BATCH_SIZE: String(LOT + 1),
  });
  const committed = () => committedBatches(site, child);
  await until('the batch is at the server', async () => (await heldSessions(site)).length === 1);
  proxy.mute();
  if (carriedOut) {
    await unlock();
    await until('the batch is committed', async () => (await committed()) === 1);
  } else {
    const [session] = await heldSessions(site);
    await site.database.query('SELECT pg_terminate_backend($1, 60000)', [session]);
    expect(await committed()).toBe(0);
  }
  // The process was told nothing, so it has acknowledged nothing.
  expect((await durable(site)).num_ack_pending).toBe(LOT + 1);
  proxy.cut();
  if (!carriedOut) await unlock();
  await published.expectCells();
  expect(await committed()).toBe(carriedOut ? 2 : 1);
  expect(log()).toContain('batch not applied, trying again');
  const { rows } = await site.database.query(
    `SELECT count(*)::int AS refused FROM dead_letter WHERE reason <> 'conflict'`,
  );
  expect(rows).toEqual([{ refused: lot + 1 }]);
  await child.stop();
});

// Postgres takes no writes (a standby that was promoted elsewhere, a disk that an administrator has
// closed): the metrics of ingest still say how much waits and since when, which is all that an
// alert can go by; afterwards all is counted once.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSite, type TestSite } from '../support/site.js';
import { lotsOf, Published, startCounter, until } from './guarded-ingest.js';

const LOT = 20;

let site: TestSite;
let published: Published;
const [first = [], second = []] = lotsOf(2, LOT, 31);

beforeAll(async () => {
  site = await createSite();
  published = new Published(site);
});
afterAll(() => site?.close());

/** For sessions from now on; those of ingest are ended, so that it has new ones. */
async function setReadOnly(value: 'on' | 'off'): Promise<void> {
  const { rows } = await site.database.query('SELECT current_database() AS name');
  await site.database.query(
    `ALTER DATABASE ${rows[0].name} SET default_transaction_read_only = ${value}`,
  );
  await site.database.query(
    `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'ingest'`,
  );
}

it('what waits is told while nothing can be written, and counted afterwards', async () => {
  const counter = await startCounter(site);
  const waiting = async () =>
    (await counter.metric('sms_analytics_pending_events')) +
    (await counter.metric('sms_analytics_unacknowledged_events'));
  await published.publish(first);
  await published.expectCells();
  await until('nothing waits', async () => (await waiting()) === 0);
  await setReadOnly('on');
  await published.publish(second);
  const publishedAtMs = Date.now();
  await until('they wait', async () => (await waiting()) === LOT);
  // It stands where the first of them was published, however long that goes on.
  const dataAsOf = await counter.metric('sms_analytics_data_as_of_timestamp_seconds');
  expect(dataAsOf * 1_000).toBeLessThanOrEqual(publishedAtMs);
  await until('nothing is written', () => counter.log().includes('look failed'));
  await setReadOnly('off');
  await published.expectCells();
  await until('nothing waits', async () => (await waiting()) === 0);
  await counter.child.stop();
});

// What was sent to a process while it stood still is counted when it goes on, without the help of
// ack_wait: the pull that it was sent for has not been given up meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chargeOf, publicationOf } from '../support/publications.js';
import { createSite, type TestSite } from '../support/site.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';
import { durable, setAckWait } from './held-commit.js';

/** So long that nothing is delivered again by itself. */
const ACK_WAIT_MS = 3_600_000;
/** Longer than a pull waits in silence: pull.ts. */
const STOPPED_MS = 5_000;

let site: TestSite;
let counter: Counter;

beforeAll(async () => {
  site = await createSite();
  await setAckWait(site, ACK_WAIT_MS);
  counter = await startCounter(site);
  await until('ready', async () => (await counter.readyStatus()) === 200);
});
afterAll(() => site?.close());

it('counts what it was sent while it stood still', async () => {
  let published = 0;
  // Stopped between two pulls it is sent nothing.
  await until('a stopped process is sent an event', async () => {
    counter.child.kill('SIGSTOP');
    await site.publish([publicationOf('sms.billing.v1.charged', chargeOf(++published))]);
    const sent = (await durable(site)).num_ack_pending === 1;
    if (!sent) counter.child.kill('SIGCONT');
    return sent;
  });
  await sleep(STOPPED_MS);
  counter.child.kill('SIGCONT');
  await site.drained();
  expect((await durable(site)).num_redelivered).toBe(0);
  const { rows } = await site.database.query(
    'SELECT coalesce(sum(charges), 0)::int AS charges FROM money_account',
  );
  expect(rows).toEqual([{ charges: published }]);
});

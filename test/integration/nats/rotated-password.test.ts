// The password of NATS is rotated under a running ingest process. The server learns the new one
// first, drops the connection and refuses the old one for a while, as it is when the agent that
// writes secrets comes later; the process takes the new one from its file and goes on, without a
// restart and without an event lost.

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Child } from '../../../deploy/local/engines/child.js';
import { startCounter, until } from '../../fault/guarded-ingest.js';
import { chargeOf, publicationOf } from '../../support/publications.js';
import { type RotatingNats, startRotatingNats } from '../../support/rotating-nats.js';
import { createSite, type TestSite } from '../../support/site.js';

/** Time for several refused attempts: the client tries twice a second. */
const LATE_MS = 3_000;

let nats: RotatingNats;
let site: TestSite;
let published = 0;

beforeAll(async () => {
  nats = await startRotatingNats();
  site = await createSite({ nats });
});
afterAll(() => site?.close());

async function publishOne(): Promise<void> {
  published += 1;
  await site.publish([publicationOf('sms.billing.v1.charged', chargeOf(published))]);
}

async function counted(): Promise<number> {
  const { rows } = await site.database.query<{ charges: number }>(
    'SELECT coalesce(sum(charges), 0)::int AS charges FROM money_account',
  );
  return rows[0]?.charges ?? 0;
}

const allCounted = () =>
  until('everything published is counted', async () => (await counted()) === published);

/** Puts a secret in the place of the old one, as an agent does. */
function writeSecret(file: string, text: string): void {
  writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Ways of giving the password, each with what its file holds. */
const WAYS: readonly {
  way: string;
  env: (file: string) => Record<string, string>;
  secret: () => string;
}[] = [
  {
    way: 'NATS_PASSWORD_FILE',
    env: (file) => ({
      NATS_URL: `nats://127.0.0.1:${nats.port}`,
      NATS_USER: 'ingest',
      NATS_PASSWORD_FILE: file,
    }),
    secret: () => decodeURIComponent(new URL(nats.url('ingest')).password),
  },
  {
    way: 'NATS_URL_FILE',
    env: (file) => ({ NATS_URL: '', NATS_URL_FILE: file }),
    secret: () => nats.url('ingest'),
  },
];

test.each(WAYS)(
  'a password of $way that is rotated needs no restart',
  async ({ way, env, secret }) => {
    const file = join(site.site.dataDir, way);
    writeSecret(file, secret());
    const counter = await startCounter(site, env(file));
    const child: Child = counter.child;
    await publishOne();
    await allCounted();
    await until('/readyz is fine', async () => (await counter.readyStatus()) === 200);

    nats.rotate('ingest', `rotated-${way.toLowerCase()}`);
    await until('/readyz fails', async () => (await counter.readyStatus()) === 503);
    await publishOne();
    await sleep(LATE_MS);
    expect(await counted()).toBe(published - 1);
    expect(child.running).toBe(true);

    writeSecret(file, secret());
    await allCounted();
    await publishOne();
    await allCounted();
    await until('/readyz is fine again', async () => (await counter.readyStatus()) === 200);
    expect(child.running).toBe(true);
    expect(counter.log()).not.toContain('rotated-');
    await child.stop();
  },
);

test('a secret that cannot be read ends the process, for another to be started', async () => {
  const file = join(site.site.dataDir, 'unreadable');
  writeSecret(file, nats.url('ingest'));
  const counter = await startCounter(site, { NATS_URL: '', NATS_URL_FILE: file });
  await until('/readyz is fine', async () => (await counter.readyStatus()) === 200);
  writeSecret(file, 'no url at all');
  nats.rotate('ingest', 'another');
  await until('the process has ended', () => !counter.child.running);
  expect(counter.log()).toContain('the connection to NATS is closed');
  expect(counter.log()).toContain('"msg":"stopped"');
  expect(counter.log()).not.toContain('no url at all');
});

test('nothing is a dead letter, and nothing is left', async () => {
  await site.drained();
  const { rows } = await site.database.query('SELECT reason FROM dead_letter');
  expect(rows).toEqual([]);
});

// A real publisher and a real ingest on one stack: the spool empties because ingest announces what
// it has counted, and not before; copies, what ingest refuses, and a rebuild's swap included.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'nats';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Child } from '../../deploy/local/engines/child.js';
import { openPublisher, type PublisherTrouble } from '../../src/publishing/publisher/publisher.js';
import { chargeOf, numbersTo, reportOf } from '../integration/publishing/publishing-site.js';
import { createSite, type TestSite } from '../support/site.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const PATIENCE = { timeout: 60_000, interval: 100 };
const COUNT = 200;

let site: TestSite;
let ingest: Child | undefined;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  site = await createSite();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await ingest?.stop();
  ingest = undefined;
});
afterAll(async () => {
  await site?.close();
});

async function open(source: 'billing' | 'dlr', known?: string) {
  const directory = known ?? (await temporaryDirectory('announced'));
  const { host, password } = new URL(site.nats.url(source));
  const troubles: PublisherTrouble[] = [];
  const publisher = await openPublisher({
    servers: `nats://${host}`,
    credential: { user: source, password: () => password },
    source,
    spool: { directory },
    onTrouble: (trouble) => troubles.push(trouble),
  });
  ends.push(() => publisher.close());
  return { publisher, troubles, directory };
}

/** The id of the stream in Postgres, and the sequence of the last event that was published. */
async function newestStream(): Promise<{ stream: number; last: number }> {
  const { rows } = await site.database.query<{ stream: number }>(
    'SELECT max(stream_id)::int AS stream FROM event_stream',
  );
  return { stream: rows[0]?.stream ?? 0, last: (await site.stored()).length };
}

it('keeps events that are stored until ingest has counted them', async () => {
  const { publisher: billing, troubles } = await open('billing');
  const { publisher: dlr } = await open('dlr');
  for (const index of numbersTo(COUNT)) {
    await billing.charged(chargeOf(index));
    dlr.reported(reportOf(index));
  }
  const held = { stored: COUNT, outstanding: COUNT, counted: 0 };
  await expect.poll(() => billing.state(), PATIENCE).toMatchObject(held);
  await expect.poll(() => dlr.state(), PATIENCE).toMatchObject(held);

  ingest = await site.start('ingest');
  const emptied = { outstanding: 0, counted: COUNT, refused: 0 };
  await expect.poll(() => billing.state(), PATIENCE).toMatchObject(emptied);
  await expect.poll(() => dlr.state(), PATIENCE).toMatchObject(emptied);
  expect(troubles).toEqual([]);
  const { rows } = await site.database.query('SELECT count(*)::int AS messages FROM ledger');
  expect(rows).toEqual([{ messages: COUNT }]);
});

it('lets go of what was counted while its process was away, when its copies are', async () => {
  const first = await open('billing');
  for (const index of numbersTo(COUNT)) await first.publisher.charged(chargeOf(COUNT + index));
  await expect.poll(() => first.publisher.state(), PATIENCE).toMatchObject({ stored: COUNT });
  await first.publisher.close();
  ingest = await site.start('ingest');
  await site.drained();

  const { publisher } = await open('billing', first.directory);
  expect(publisher.state()).toMatchObject({ outstanding: COUNT });
  const emptied = { outstanding: 0, counted: COUNT };
  await expect.poll(() => publisher.state(), PATIENCE).toMatchObject(emptied);
});

it('lets go of a charge that ingest refuses, and tells why', async () => {
  ingest = await site.start('ingest');
  const { publisher, troubles } = await open('billing');
  // Message 1 has a lesser charge of the first test.
  await publisher.charged({ ...chargeOf(1), amount: '0.06', eventId: 'event-1.other' });
  const emptied = { outstanding: 0, refused: 1 };
  await expect.poll(() => publisher.state(), PATIENCE).toMatchObject(emptied);
  expect(troubles).toMatchObject([{ kind: 'refused', reason: 'conflict' }]);
});

it('announces each second how far counting has come', async () => {
  const { host, password } = new URL(site.nats.url('dlr'));
  const connection = await connect({ servers: host, user: 'dlr', pass: password });
  ends.push(() => connection.close());
  const heard: Record<string, unknown>[] = [];
  connection.subscribe('sms.counted.v1.progress', {
    callback: (_, message) => heard.push(message.json()),
  });
  await connection.flush();
  ingest = await site.start('ingest');
  await site.drained();
  const { last, stream } = await newestStream();
  await expect.poll(() => heard.at(-1)?.judgedThrough, PATIENCE).toBe(last);
  const before = heard.length;
  await expect.poll(() => heard.length, PATIENCE).toBeGreaterThanOrEqual(before + 3);
  for (const { stream: name, incarnation, dataAsOf } of heard) {
    expect([name, incarnation]).toEqual(['SMS_EVENTS', String(stream)]);
    expect(Date.parse(String(dataAsOf))).toBeGreaterThan(Date.now() - 600_000);
  }
});

it('announces through a rebuild and its swap, by two processes of each generation', async () => {
  const { publisher: billing } = await open('billing');
  const { publisher: dlr } = await open('dlr');
  const serving = [await site.start('ingest'), await site.start('ingest')];
  const building: Child[] = [];
  let published = 0;
  const publish = async () => {
    const index = 1_000_000 + published;
    published += 1;
    await billing.charged(chargeOf(index));
    dlr.reported(reportOf(index));
  };
  let isOver = false;
  const publishing = (async () => {
    while (!isOver) {
      await publish();
      await sleep(5);
    }
  })();
  try {
    await site.ops('rebuild', 'start', '--yes');
    for (const _ of [1, 2]) building.push(await site.spawn('ingest', {}, ['--generation', '2']));
    await site.ops('rebuild', 'swap', '--yes', '--wait-seconds', '120');
    for (const child of serving) expect(await child.exited).toBe('exited with code 0');
    const atSwap = published;
    await expect.poll(() => published, PATIENCE).toBeGreaterThan(atSwap + COUNT);
  } finally {
    isOver = true;
    await publishing;
  }
  // What the old generation had not announced at the swap is published again, and announced then.
  const emptied = { outstanding: 0, counted: published, refused: 0 };
  await expect.poll(() => billing.state(), PATIENCE).toMatchObject(emptied);
  await expect.poll(() => dlr.state(), PATIENCE).toMatchObject(emptied);
  const { rows } = await site.database.query(
    `SELECT count(*)::int AS messages FROM ledger
     WHERE generation = 2 AND charge_event <> '' AND report_class > 0
       AND message_id >= '0198a6f2-7c30-7c11-9b1e-0000000f4240'`,
  );
  expect(rows).toEqual([{ messages: published }]);
  for (const child of building) await child.stop();
});

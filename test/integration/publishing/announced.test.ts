// What is announced leaves the spool, what is not is published again: the publisher that keeps its
// events until they are counted. The test announces in ingest's place, as the contract says.

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hearAnnouncements } from '../../../src/publishing/publisher/announcements.js';
import {
  openPublisher,
  type Publisher,
  type PublisherTrouble,
} from '../../../src/publishing/publisher/publisher.js';
import {
  chargeOf,
  numbersTo,
  type PublishingSite,
  startPublishingSite,
} from './publishing-site.js';

const PATIENCE = { timeout: 60_000, interval: 100 };

let site: PublishingSite;
let ingest: NatsConnection;
let directory: string;
let publisher: Publisher;
let troubles: PublisherTrouble[];
/** A password file that is away for a moment ends the client's connection for good. */
let passwordIsMissing = false;

beforeAll(async () => {
  site = await startPublishingSite();
  ingest = await site.connectAs('ingest');
});
afterAll(async () => {
  await ingest?.close();
  await site?.stop();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sms-analytics-announced-'));
  troubles = [];
  await site.createStream();
  publisher = await open();
  for (const index of numbersTo(3)) await publisher.charged(chargeOf(index));
  await expect.poll(() => publisher.state(), PATIENCE).toMatchObject({ stored: 3, outstanding: 3 });
});

afterEach(async () => {
  await publisher.close();
  await rm(directory, { recursive: true });
  await site.deleteStream();
});

function open(): Promise<Publisher> {
  return openPublisher({
    servers: site.server,
    credential: {
      user: 'billing',
      password: () => {
        if (passwordIsMissing) throw new Error('no password');
        return site.credential('billing').password();
      },
    },
    source: 'billing',
    spool: { directory },
    onTrouble: (trouble) => troubles.push(trouble),
  });
}

/** The first 8 bytes of SHA-256 of each stored payload, by the number of its event. */
async function digests(): Promise<Buffer[]> {
  const byNumber: Buffer[] = [];
  for (const { payload } of await site.stored()) {
    const number = Number(/event-(\d+)\./.exec(payload)?.[1]);
    byNumber[number] = createHash('sha256').update(payload).digest().subarray(0, 8);
  }
  return byNumber;
}

const progress = (incarnation: string, judgedThrough: number) =>
  ingest.publish('sms.counted.v1.progress', JSON.stringify({ incarnation, judgedThrough }));
const storedCount = async () => (await site.stored()).length;

describe('a publisher that keeps events until they are counted', () => {
  it('lets go of what is announced as counted or refused, and tells the reason', async () => {
    const [first, second, third] = (await digests()) as [Buffer, Buffer, Buffer];
    await expect
      .poll(() => {
        ingest.publish('sms.counted.v1.billing', Buffer.concat([first, second]));
        return publisher.state();
      }, PATIENCE)
      .toMatchObject({ counted: 2, outstanding: 1 });
    const digest = third.toString('hex');
    ingest.publish('sms.refused.v1.billing', JSON.stringify([{ digest, reason: 'conflict' }]));
    await expect
      .poll(() => publisher.state(), PATIENCE)
      .toMatchObject({ counted: 2, refused: 1, outstanding: 0 });
    expect(troubles).toEqual([{ kind: 'refused', digest, reason: 'conflict' }]);
    await publisher.close();
    expect((await readdir(directory)).filter((name) => name.endsWith('.events'))).toEqual([]);
  });

  it('keeps an event whose day is missing', async () => {
    const [first] = (await digests()) as [Buffer];
    const digest = first.toString('hex');
    const refusal = JSON.stringify([{ digest, reason: 'day_missing' }]);
    await expect
      .poll(() => {
        ingest.publish('sms.refused.v1.billing', refusal);
        return troubles;
      }, PATIENCE)
      .toContainEqual({ kind: 'refused', digest, reason: 'day_missing' });
    expect(publisher.state()).toMatchObject({ refused: 0, outstanding: 3 });
  });

  it('publishes again what was judged for five seconds without a word', async () => {
    const [first] = (await digests()) as [Buffer];
    await expect
      .poll(() => {
        progress('one', 3);
        ingest.publish('sms.counted.v1.billing', first);
        return storedCount();
      }, PATIENCE)
      .toBe(5);
    expect(publisher.state()).toMatchObject({ counted: 1, outstanding: 2 });
  });

  it('publishes again what a stream stored that is gone', async () => {
    await expect
      .poll(() => {
        progress('one', 0);
        return publisher.state().connected;
      }, PATIENCE)
      .toBe(true);
    await ingest.flush();
    await site.deleteStream();
    await site.createStream();
    let incarnation = 0;
    await expect
      .poll(() => {
        progress(`after ${incarnation++}`, 0);
        return storedCount();
      }, PATIENCE)
      .toBeGreaterThanOrEqual(3);
    expect(publisher.state()).toMatchObject({ counted: 0, outstanding: 3 });
  });

  it('does not take anything else for an announcement', async () => {
    const content = ['', 'x', '{}', '[null,1,{"digest":"zz","reason":"conflict"}]', '[{}]', 'null'];
    for (const text of content) {
      ingest.publish('sms.counted.v1.billing', text);
      ingest.publish('sms.refused.v1.billing', text);
      ingest.publish('sms.counted.v1.progress', text);
    }
    const [first] = (await digests()) as [Buffer];
    await expect
      .poll(() => {
        ingest.publish('sms.counted.v1.billing', first);
        return publisher.state().counted;
      }, PATIENCE)
      .toBe(1);
    expect(publisher.state()).toMatchObject({ refused: 0, outstanding: 2 });
  });

  it('hears on a connection that was made after the first one ended for good', async () => {
    await site.kill();
    passwordIsMissing = true;
    await site.start();
    await expect.poll(() => troubles.map(({ kind }) => kind), PATIENCE).toContain('bus');
    passwordIsMissing = false;
    const [first] = (await digests()) as [Buffer];
    await expect
      .poll(
        async () => {
          const announcing = await site.connectAs('ingest');
          announcing.publish('sms.counted.v1.billing', first);
          await announcing.flush();
          await announcing.close();
          return publisher.state().counted;
        },
        { ...PATIENCE, timeout: 20_000 },
      )
      .toBe(1);
  });

  it('publishes everything again after its process ended', async () => {
    await publisher.close();
    publisher = await open();
    await expect.poll(storedCount, PATIENCE).toBe(6);
    expect(publisher.state().outstanding).toBe(3);
  });

  it('hears nothing where one of its subscriptions is denied, and is told once', async () => {
    const connection = await site.connectAs('billing');
    const heard: string[] = [];
    const control: string[] = [];
    const denials: Error[] = [];
    const hears = {
      countedAll: () => heard.push('counted'),
      refused: () => heard.push('refused'),
      progress: () => heard.push('progress'),
    };
    // Billing may hear the progress, and nothing of dlr.
    hearAnnouncements(connection, 'dlr', hears, (error) => denials.push(error));
    await expect.poll(() => denials.length, PATIENCE).toBeGreaterThan(0);
    const callback = () => control.push('progress');
    connection.subscribe('sms.counted.v1.progress', { callback });
    await connection.flush();
    await expect
      .poll(() => {
        progress('one', 0);
        return control.length;
      }, PATIENCE)
      .toBeGreaterThan(0);
    await connection.close();
    expect([heard, denials.length]).toEqual([[], 1]);
  });
});

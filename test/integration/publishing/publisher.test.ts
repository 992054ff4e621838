// The publisher against a real server: what it takes arrives, whatever the server lacks or refuses
// for a while.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decode } from '../../../src/counting/decode/decode.js';
import {
  openPublisher,
  type Publisher,
  type PublisherOptions,
  type PublisherTrouble,
} from '../../../src/publishing/publisher/publisher.js';
import {
  chargeOf,
  numbersIn,
  numbersTo,
  type PublishingSite,
  reportOf,
  startPublishingSite,
} from './publishing-site.js';

const PATIENCE = { timeout: 60_000, interval: 20 };

let site: PublishingSite;
let directory: string;
let opened: Publisher[] = [];
let troubles: PublisherTrouble[] = [];

beforeAll(async () => {
  site = await startPublishingSite();
});
afterAll(() => site?.stop());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sms-analytics-publisher-'));
  troubles = [];
});

afterEach(async () => {
  await Promise.all(opened.map((publisher) => publisher.close()));
  opened = [];
  await rm(directory, { recursive: true });
  await site.start();
  await site.deleteStream().catch(() => undefined);
});

async function open(more: Partial<PublisherOptions> = {}): Promise<Publisher> {
  const source = more.source ?? 'billing';
  const publisher = await openPublisher({
    keepUntil: 'stored',
    servers: site.server,
    credential: site.credential(source),
    source,
    spool: { directory },
    onTrouble: (trouble) => troubles.push(trouble),
    ...more,
  });
  opened.push(publisher);
  return publisher;
}

async function close(publisher: Publisher): Promise<void> {
  opened = opened.filter((other) => other !== publisher);
  expect(await publisher.close()).toEqual({ unsafe: 0 });
}

/** Waits until all that was queued has left the spool. */
async function emptied(publisher: Publisher): Promise<void> {
  expect(await publisher.flush()).toEqual({ unsafe: 0 });
  await expect.poll(() => publisher.state().outstanding, PATIENCE).toBe(0);
}

describe('a publisher', () => {
  it('stores charges and refunds as ingest admits them', async () => {
    await site.createStream();
    const publisher = await open();
    const { chargedAt, segments: _, ...rest } = chargeOf(1);
    expect(await publisher.charged(chargeOf(0))).toEqual({ queued: true });
    expect(await publisher.refunded({ ...rest, refundedAt: chargedAt })).toEqual({ queued: true });
    await emptied(publisher);
    const stored = await site.stored();
    expect(stored.map(({ subject }) => subject).sort()).toEqual([
      'sms.billing.v1.charged',
      'sms.billing.v1.refunded',
    ]);
    for (const { payload, subject, sequence, headers } of stored) {
      const timestamp = Date.now() * 1000;
      const contentType = undefined;
      const event = { subject, payload: Buffer.from(payload), contentType, sequence, timestamp };
      expect(decode(event).admitted).toBe(true);
      expect(headers).not.toContain('Nats-Msg-Id');
    }
    expect(publisher.state()).toMatchObject({ queued: 2, safe: 2, stored: 2, released: 2 });
  });

  it('answers with the violations of an event, or that it is not of its source', async () => {
    const publisher = await open();
    const wrong = { ...chargeOf(0), currency: 'eur' };
    expect(await publisher.charged(wrong)).toEqual({
      queued: false,
      violations: [{ reason: 'invalid_field', field: 'currency' }],
    });
    expect(publisher.reported(reportOf(0))).toEqual({
      queued: false,
      violations: [{ reason: 'unknown_subject' }],
    });
    expect(publisher.state()).toMatchObject({ queued: 0, outstanding: 0 });
  });

  it('takes reports on the turn of the caller and publishes them in batches', async () => {
    await site.createStream();
    const publisher = await open({ source: 'dlr' });
    await expect.poll(() => publisher.state().connected, PATIENCE).toBe(true);
    for (const index of numbersTo(1_200)) {
      expect(publisher.reported(reportOf(index))).toEqual({ queued: true });
    }
    await emptied(publisher);
    const stored = await site.stored();
    expect(stored).toHaveLength(1_200);
    expect(numbersIn(stored)).toEqual(numbersTo(1_200));
    expect(
      stored.filter(({ headers }) => headers.includes('Nats-Batch-Id')).length,
    ).toBeGreaterThan(1_000);
    expect(troubles).toEqual([]);
  });

  it('publishes one by one where the stream takes no batches', async () => {
    await site.createStream({ allow_atomic: false });
    const publisher = await open({ source: 'dlr' });
    for (const index of numbersTo(300)) publisher.reported(reportOf(index));
    await emptied(publisher);
    const stored = await site.stored();
    expect(stored).toHaveLength(300);
    expect(numbersIn(stored)).toEqual(numbersTo(300));
    expect(troubles).toEqual([]);
  });

  it('refuses wrong options before it makes anything', async () => {
    const wrong = [{ servers: [] }, { servers: 'http://host' }, { source: 'both' as never }];
    for (const one of wrong) await expect(open(one)).rejects.toThrow(TypeError);
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes nothing after it was closed', async () => {
    const publisher = await open();
    await close(publisher);
    expect(await publisher.charged(chargeOf(0))).toEqual({ queued: false, dropped: true });
  });

  it('has its directory for itself', async () => {
    await open();
    await expect(open()).rejects.toMatchObject({ kind: 'held', file: directory });
  });
});

describe('while the bus takes nothing, a publisher', () => {
  it('makes events safe, and publishes them when a server is there', async () => {
    await site.createStream();
    await site.kill();
    const publisher = await open();
    for (const index of numbersTo(20)) {
      expect(await publisher.charged(chargeOf(index))).toEqual({ queued: true });
    }
    expect(publisher.state()).toMatchObject({ connected: false, safe: 20, stored: 0 });
    await site.start();
    await emptied(publisher);
    expect(numbersIn(await site.stored())).toEqual(numbersTo(20));
  });

  it('goes on over the end of a server in the middle', async () => {
    await site.createStream();
    const publisher = await open({ source: 'dlr' });
    const queue = (from: number) => {
      for (const index of numbersTo(1_000)) publisher.reported(reportOf(from + index));
    };
    queue(0);
    await emptied(publisher);
    queue(1_000);
    await publisher.flush();
    await site.kill();
    queue(2_000);
    await site.start();
    await emptied(publisher);
    expect(numbersIn(await site.stored())).toEqual(numbersTo(3_000));
  });

  it('says that there is no stream, and publishes when there is one', async () => {
    const publisher = await open();
    for (const index of numbersTo(3)) await publisher.charged(chargeOf(index));
    const failures = () =>
      troubles.map((one) => (one.kind === 'not_stored' ? one.failure.kind : one.kind));
    await expect.poll(failures, PATIENCE).toContain('no_responders');
    await site.createStream();
    await emptied(publisher);
    expect(numbersIn(await site.stored())).toEqual(numbersTo(3));
  });

  it('says that it lacks the right, keeps its events, and publishes when it has it', async () => {
    await site.createStream();
    const publisher = await open({ credential: site.credential('dlr') });
    for (const index of numbersTo(3)) {
      expect(await publisher.charged(chargeOf(index))).toEqual({ queued: true });
    }
    const failures = () =>
      troubles.map((one) => (one.kind === 'not_stored' ? one.failure.kind : one.kind));
    await expect.poll(failures, PATIENCE).toContain('permission');
    expect(publisher.state().outstanding).toBe(3);
    await close(publisher);
    const allowed = await open();
    await emptied(allowed);
    expect(numbersIn(await site.stored())).toEqual(numbersTo(3));
  });

  it('drops what its full spool cannot hold, and says so', async () => {
    await site.kill();
    const publisher = await open({ spool: { directory, maxBytes: 3_000 } });
    const answers = [];
    for (const index of numbersTo(20)) answers.push(await publisher.charged(chargeOf(index)));
    const dropped = answers.filter((answer) => 'dropped' in answer).length;
    expect(dropped).toBeGreaterThan(5);
    expect(publisher.state()).toMatchObject({ dropped, safe: 20 - dropped });
    expect(publisher.state().spoolBytes).toBeLessThanOrEqual(3_000);
  });
});

// Least permissions on the broker, tried on a real server with the project's own configuration: a
// publisher reaches its own subjects only, ingest reads and acknowledges and changes nothing, and
// nobody looks into another's inbox.

import { AckPolicy, connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NatsUser } from '../../../deploy/local/engines/nats-server.js';
import { startNats, type TestNats } from '../../support/engines.js';

const STREAM = 'SMS_EVENTS';
const DURABLE = 'analytics-rollup';
const REFUSED_AFTER_MS = 400;

let nats: TestNats;
const open: NatsConnection[] = [];

async function as(user: NatsUser, inboxPrefix?: string): Promise<NatsConnection> {
  const url = new URL(nats.url(user));
  const connection = await connect({
    servers: url.host,
    user: url.username,
    pass: url.password,
    ...(inboxPrefix ? { inboxPrefix } : {}),
  });
  open.push(connection);
  return connection;
}

/**
 * Resolves with what the server complained about after `act`, or undefined when it did not in time.
 */
async function refusal(connection: NatsConnection, act: () => void): Promise<string | undefined> {
  const complaint = (async () => {
    for await (const status of connection.status()) {
      if (String(status.type) === 'error') return String(status.data);
    }
    return undefined;
  })();
  act();
  await connection.flush();
  return Promise.race([
    complaint,
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 10_000)),
  ]);
}

beforeAll(async () => {
  nats = await startNats();
  const manager = await (await as('ops', '_INBOX_OPS')).jetstreamManager();
  await manager.streams.add({ name: STREAM, subjects: ['sms.billing.>', 'sms.dlr.>'] });
  await manager.consumers.add(STREAM, { durable_name: DURABLE, ack_policy: AckPolicy.Explicit });
});
afterAll(async () => {
  await Promise.all(open.map((connection) => connection.close()));
  await nats.stop();
});

describe('a publisher', () => {
  test.each([
    ['billing', 'sms.billing.v1.charged', 'sms.dlr.v1.reported'],
    ['dlr', 'sms.dlr.v1.reported', 'sms.billing.v1.charged'],
  ] as const)('%s publishes its own events and no other', async (user, own, foreign) => {
    const connection = await as(user);
    const jetstream = connection.jetstream({ timeout: 60_000 });
    expect((await jetstream.publish(own, '{}')).stream).toBe(STREAM);
    const timeout = { timeout: REFUSED_AFTER_MS };
    await expect(jetstream.publish(foreign, '{}', timeout)).rejects.toThrow();
  });

  test.each([
    `$JS.API.STREAM.PURGE.${STREAM}`,
    `$JS.API.STREAM.MSG.GET.${STREAM}`,
    `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${DURABLE}`,
    `$JS.ACK.${STREAM}.${DURABLE}.1.1.1.1.0`,
  ])('may not ask %s', async (subject) => {
    const connection = await as('billing');
    expect(await refusal(connection, () => connection.publish(subject))).toMatch(/permission/i);
  });

  test.each(['sms.>', '_INBOX_INGEST.>', '_INBOX_OPS.>', '>'])(
    'may not listen to %s',
    async (subject) => {
      const connection = await as('dlr');
      const listen = () => void connection.subscribe(subject, { callback: () => {} });
      expect(await refusal(connection, listen)).toMatch(/permission/i);
    },
  );
});

describe('an announcement', () => {
  const PROGRESS = 'sms.counted.v1.progress';
  const OWN = {
    billing: ['sms.counted.v1.billing', 'sms.refused.v1.billing', PROGRESS],
    dlr: ['sms.counted.v1.dlr', 'sms.refused.v1.dlr', PROGRESS],
  } as const;
  const ALL = [...new Set([...OWN.billing, ...OWN.dlr])];

  test.each(['billing', 'dlr'] as const)(
    'of ingest reaches %s, of its own events',
    async (user) => {
      const producer = await as(user);
      const heard: string[] = [];
      for (const subject of OWN[user]) {
        producer.subscribe(subject, { callback: (_, message) => heard.push(message.subject) });
      }
      await producer.flush();
      const ingest = await as('ingest', '_INBOX_INGEST');
      for (const subject of ALL) ingest.publish(subject, 'said');
      await ingest.flush();
      await producer.flush();
      expect(heard).toEqual(ALL.filter((subject) => OWN[user].some((own) => own === subject)));
    },
  );

  test.each([
    ['billing', 'sms.counted.v1.dlr'],
    ['billing', 'sms.refused.v1.dlr'],
    ['dlr', 'sms.counted.v1.billing'],
    ['dlr', 'sms.refused.v1.billing'],
    ['dlr', 'sms.counted.v1.>'],
  ] as const)('is not heard by %s on %s', async (user, subject) => {
    const connection = await as(user);
    const listen = () => void connection.subscribe(subject, { callback: () => {} });
    expect(await refusal(connection, listen)).toMatch(/permission/i);
  });

  test.each(
    (['billing', 'dlr', 'ops'] as const).flatMap((user) => ALL.map((subject) => [user, subject])),
  )('is not made by %s on %s', async (user, subject) => {
    const connection = await as(user as NatsUser);
    const say = () => connection.publish(subject as string, 'forged');
    expect(await refusal(connection, say)).toMatch(/permission/i);
  });
});

describe('ingest', () => {
  test('fetches, acknowledges and inspects', async () => {
    await (await as('billing')).jetstream().publish('sms.billing.v1.charged', '{}');
    const connection = await as('ingest', '_INBOX_INGEST');
    const consumer = await connection.jetstream().consumers.get(STREAM, DURABLE);
    const message = await consumer.next({ expires: 60_000 });
    expect(await message?.ackAck()).toBe(true);
    expect((await consumer.info()).num_ack_pending).toBe(0);
  });

  test.each([
    `$JS.API.CONSUMER.RESET.${STREAM}.${DURABLE}`,
    `$JS.API.CONSUMER.CREATE.${STREAM}.other`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${STREAM}.other`,
    `$JS.API.CONSUMER.DELETE.${STREAM}.${DURABLE}`,
    `$JS.API.STREAM.PURGE.${STREAM}`,
    `$JS.API.STREAM.DELETE.${STREAM}`,
    `$JS.API.STREAM.UPDATE.${STREAM}`,
    `$JS.API.STREAM.MSG.DELETE.${STREAM}`,
    'sms.billing.v1.charged',
  ])('may not publish to %s', async (subject) => {
    const connection = await as('ingest', '_INBOX_INGEST');
    expect(await refusal(connection, () => connection.publish(subject))).toMatch(/permission/i);
  });
});

test('nobody gets in without a password', async () => {
  await expect(connect({ servers: `127.0.0.1:${nats.port}` })).rejects.toThrow(/authorization/i);
});

// What crosses the boundary of accounts, and what the stream takes from its producers: pulls, acks
// and looks of ingest go on, no id of one producer swallows the other's event, and neither large
// messages nor open batches keep the others waiting.

import { connect, headers, type JetStreamManager, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NatsUser } from '../../../deploy/local/engines/nats-server.js';
import { pull } from '../../../src/nats/pull.js';
import { ensureDurable, ensureStream, STREAM } from '../../../src/nats/topology.js';
import { startNats, type TestNats } from '../../support/engines.js';

const DURABLE = 'analytics-rollup';
/** More than the batch of a pull. */
const BACKLOG = 1_040;

const SUBJECTS = {
  billing: 'sms.billing.v1.charged',
  dlr: 'sms.dlr.v1.reported',
} as const;

let nats: TestNats;
let manager: JetStreamManager;
const connections = new Map<NatsUser, NatsConnection>();

async function as(user: NatsUser): Promise<NatsConnection> {
  const known = connections.get(user);
  if (known !== undefined) return known;
  const { host, password } = new URL(nats.url(user));
  const inboxPrefix = { ops: '_INBOX_OPS', ingest: '_INBOX_INGEST' }[user as string] ?? '_INBOX';
  const connection = await connect({ servers: host, user, pass: password, inboxPrefix });
  connections.set(user, connection);
  return connection;
}

beforeAll(async () => {
  nats = await startNats();
  manager = await (await as('ops')).jetstreamManager();
  await ensureStream(manager, { replicas: 1 });
  await ensureDurable(manager, DURABLE);
  const jetstream = (await as('billing')).jetstream();
  const publishOne = () => jetstream.publish(SUBJECTS.billing, '{}');
  await Promise.all(Array.from({ length: BACKLOG }, publishOne));
});
afterAll(async () => {
  await Promise.all([...connections.values()].map((connection) => connection.close()));
  await nats?.stop();
});

describe('across the boundary of accounts', () => {
  test('one pull brings a thousand events', async () => {
    const connection = await as('ingest');
    const source = { connection, stream: STREAM, durable: DURABLE, inboxPrefix: '_INBOX_INGEST' };
    const envelopes = await pull(source, 1_000);
    expect(envelopes).toHaveLength(1_000);
    for (const { replySubject } of envelopes) {
      expect((await connection.request(replySubject, '+ACK')).data).toHaveLength(0);
    }
    expect((await manager.consumers.info(STREAM, DURABLE)).ack_floor.stream_seq).toBe(1_000);
  });

  test('ingest pulls, acknowledges and inspects as before', async () => {
    const connection = await as('ingest');
    const consumer = await connection.jetstream().consumers.get(STREAM, DURABLE);
    const { num_pending: pending } = await consumer.info();
    expect(pending).toBeGreaterThan(10);
    const messages = await consumer.fetch({ max_messages: pending, expires: 10_000 });
    let count = 0;
    for await (const message of messages) {
      expect(await message.ackAck()).toBe(true);
      count += 1;
    }
    expect(count).toBe(pending);
  });

  test('a pull where nothing waits ends by the server word, and a missing durable is told', async () => {
    const connection = await as('ingest');
    const inbox = `_INBOX_INGEST.${Math.random().toString(36).slice(2)}`;
    const subscription = connection.subscribe(inbox, { max: 1 });
    const next = (durable: string) => `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${durable}`;
    connection.publish(next(DURABLE), '{"batch":1,"no_wait":true}', { reply: inbox });
    for await (const message of subscription) expect(message.headers?.code).toBe(404);
    const missing = connection.request(`$JS.API.CONSUMER.INFO.${STREAM}.nobody`, '');
    expect((await missing).json()).toMatchObject({ error: { err_code: 10_014 } });
  });
});

describe('the stream', () => {
  test('can be neither purged nor thinned out, by ops either', async () => {
    await expect(manager.streams.purge(STREAM)).rejects.toThrow(/purge/i);
    await expect(manager.streams.deleteMessage(STREAM, 1)).rejects.toThrow(/delete/i);
  });

  test('takes no message above 128 KB', async () => {
    const publish = (bytes: number) =>
      as('billing').then((one) => one.jetstream().publish(SUBJECTS.billing, Buffer.alloc(bytes)));
    await expect(publish(128 * 1024 + 1)).rejects.toThrow(/max_payload/i);
    expect((await publish(127 * 1024)).duplicate).toBe(false);
  });

  test('keeps an event whose id the other producer has used', async () => {
    const publish = async (user: 'billing' | 'dlr') =>
      (await as(user)).jetstream().publish(SUBJECTS[user], '{}', { msgID: 'an id of one of them' });
    await publish('dlr');
    // Longer than the window of 100 ms, which is the shortest that the server takes.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { duplicate, seq } = await publish('billing');
    expect(duplicate).toBe(false);
    expect((await manager.streams.getMessage(STREAM, { seq })).subject).toBe(SUBJECTS.billing);
  });

  test('takes events and batches while as many batches are left open as it holds', async () => {
    const billing = await as('billing');
    const part = (id: string, sequence: number, commit?: '1') => {
      const head = headers();
      head.set('Nats-Batch-Id', id);
      head.set('Nats-Batch-Sequence', String(sequence));
      if (commit) head.set('Nats-Batch-Commit', commit);
      return head;
    };
    for (let open = 0; open < 60; open++) {
      billing.publish(SUBJECTS.billing, '{}', { headers: part(`open-${open}`, 1) });
    }
    await billing.flush();
    const dlr = await as('dlr');
    expect((await dlr.jetstream().publish(SUBJECTS.dlr, '{}')).duplicate).toBe(false);
    // The open ones end after two seconds; then there is room again.
    const batch = async (id: string) => {
      dlr.publish(SUBJECTS.dlr, '{}', { headers: part(id, 1) });
      const committed = dlr.request(SUBJECTS.dlr, '{}', {
        headers: part(id, 2, '1'),
        timeout: 5_000,
      });
      return (await committed).json();
    };
    let tries = 0;
    await expect
      .poll(() => batch(`late-${tries++}`), { timeout: 60_000, interval: 200 })
      .toMatchObject({ stream: STREAM, count: 2 });
  });

  test('ends a batch that is left open after two seconds', async () => {
    const varz = await (await as('system')).request('$SYS.REQ.SERVER.PING.VARZ', '');
    const limits = { max_batch_inflight_per_stream: 50, max_batch_timeout: 2_000_000_000 };
    expect(varz.json()).toMatchObject({ data: { jetstream: { limits } } });
  });
});

// NATS checks the subject of a publish, never its reply subject: the answer to a request goes wherever the request says. So
// every request that a credential may make is made with every subject that it may not reach as its reply; stream, durables
// and what they hold are afterwards as before. In one account, the empty status message of a pull is a valid purge.

import { type ConsumerInfo, connect, type JetStreamManager, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { NatsUser } from '../../../deploy/local/nats-server.js';
import { ensureDurable, ensureStream, STREAM } from '../../../src/broker/nats/topology.js';
import { startNats, type TestNats } from '../../support/engines.js';

const DURABLE = 'analytics-rollup';
const BACKLOG = 40;

const SUBJECTS = {
  billing: 'sms.billing.v1.charged',
  dlr: 'sms.dlr.v1.reported',
} as const;

/** What each credential may send, with a body that the server answers by a status or an error. */
const REQUESTS: readonly (readonly [NatsUser, string, string])[] = [
  ['billing', SUBJECTS.billing, '{}'],
  ['dlr', SUBJECTS.dlr, '{}'],
  ['ingest', '$JS.API.INFO', ''],
  ['ingest', `$JS.API.STREAM.INFO.${STREAM}`, ''],
  ['ingest', `$JS.API.STREAM.MSG.GET.${STREAM}`, '{"seq":1}'],
  ['ingest', `$JS.API.DIRECT.GET.${STREAM}`, '{"seq":1}'],
  ['ingest', `$JS.API.DIRECT.GET.${STREAM}.${SUBJECTS.billing}`, ''],
  ['ingest', `$JS.API.CONSUMER.INFO.${STREAM}.${DURABLE}`, ''],
  ...['{"batch":1,"max_bytes":1,"no_wait":true}', '{"batch":1,"no_wait":true,"max_bytes":0}x'].map(
    (pull) => ['ingest', `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${DURABLE}`, pull] as const,
  ),
  ['ingest', `$JS.ACK.${STREAM}.${DURABLE}.1.1.1.1.0`, '+WPI'],
];

/** What none of them may reach. */
const TARGETS = [
  `$JS.API.STREAM.PURGE.${STREAM}`,
  `$JS.API.STREAM.DELETE.${STREAM}`,
  `$JS.API.STREAM.UPDATE.${STREAM}`,
  `$JS.API.STREAM.MSG.DELETE.${STREAM}`,
  '$JS.API.STREAM.CREATE.OTHER',
  `$JS.API.CONSUMER.DELETE.${STREAM}.${DURABLE}`,
  `$JS.API.CONSUMER.RESET.${STREAM}.${DURABLE}`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${STREAM}.other`,
  `$JS.API.CONSUMER.PAUSE.${STREAM}.${DURABLE}`,
  SUBJECTS.billing,
  SUBJECTS.dlr,
];

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
  for (let event = 0; event < BACKLOG; event++) await jetstream.publish(SUBJECTS.billing, '{}');
});
afterAll(async () => {
  await Promise.all([...connections.values()].map((connection) => connection.close()));
  await nats?.stop();
});

/** All that an attack could change; a producer's own event, and what ingest was sent, are theirs to move. */
async function held() {
  const { config, state, created } = await manager.streams.info(STREAM, {
    subjects_filter: '>',
  });
  const consumers: ConsumerInfo[] = [];
  for await (const one of manager.consumers.list(STREAM)) consumers.push(one);
  const streams: string[] = [];
  for await (const { config: of } of manager.streams.list()) streams.push(of.name);
  return {
    config,
    created,
    streams,
    firstSequence: state.first_seq,
    deleted: state.num_deleted,
    bySubject: state.subjects,
    consumers: consumers.map(({ name, config: of, created: at }) => ({ name, of, at })),
  };
}

describe.each(REQUESTS)('%s asks %s with %s', (user, subject, body) => {
  it('and changes nothing by any subject that its answer is sent to', async () => {
    const before = await held();
    const connection = await as(user);
    let own = 0;
    for (const reply of TARGETS) {
      connection.publish(subject, body, { reply });
      own += 1;
    }
    await connection.flush();
    // The answers are on their way: a later request of the same connection, answered, has passed them all.
    await (await as('ops')).flush();
    await manager.streams.info(STREAM);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const after = await held();
    const mayGrow = subject === SUBJECTS.billing || subject === SUBJECTS.dlr;
    const grown = mayGrow ? (before.bySubject?.[subject] ?? 0) + own : undefined;
    const bySubject = { ...before.bySubject, ...(mayGrow ? { [subject]: grown } : {}) };
    expect(after).toEqual({ ...before, bySubject });
  });
});

describe('across the boundary of accounts', () => {
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
});

// data_as_of as a look at a real durable tells it: everything published before it has been
// acknowledged. The expected instants are what the server itself says: the timestamps of the
// messages, and its own time before and after a look.

import { type JetStreamManager, type NatsConnection, nanos } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NatsUser } from '../../../deploy/local/engines/nats-server.js';
import { connectNats } from '../../../src/nats/connect.js';
import { readDurableState } from '../../../src/nats/durable-state.js';
import { acknowledge, type Envelope } from '../../../src/nats/envelope.js';
import { pull } from '../../../src/nats/pull.js';
import { durableConfig, STREAM, streamConfig } from '../../../src/nats/topology.js';
import { DURABLE } from '../../support/durable.js';
import { startNats, type TestNats } from '../../support/engines.js';
import { consumerTime, microsOf } from '../../support/freshness.js';

const INGEST_INBOX = '_INBOX_INGEST';
/** So long that nothing is delivered again by itself. */
const ACK_WAIT_MS = 3_600_000;

let nats: TestNats;
let ingest: NatsConnection;
let looking: JetStreamManager;
let ops: JetStreamManager;
let billing: NatsConnection;
const connections: NatsConnection[] = [];

async function connectAs(user: NatsUser, inboxPrefix: string): Promise<NatsConnection> {
  const connection = await connectNats({ url: () => nats.url(user), name: user, inboxPrefix });
  connections.push(connection);
  return connection;
}

beforeAll(async () => {
  nats = await startNats();
  ops = await (await connectAs('ops', '_INBOX')).jetstreamManager();
  // Messages are deleted here, which the stream of production refuses.
  await ops.streams.add({ ...streamConfig({ replicas: 1 }), deny_delete: false });
  await ops.consumers.add(STREAM, { ...durableConfig(DURABLE), ack_wait: nanos(ACK_WAIT_MS) });
  // The credential of ingest suffices to look.
  ingest = await connectAs('ingest', INGEST_INBOX);
  looking = await ingest.jetstreamManager({ checkAPI: false });
  billing = await connectAs('billing', '_INBOX');
});
afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await nats?.stop();
});

/** Publishes so many messages. */
async function publish(count: number): Promise<void> {
  const stream = billing.jetstream();
  for (let at = 0; at < count; at++) await stream.publish('sms.billing.v1.charged', '{}');
}

const pullSome = (size: number): Promise<Envelope[]> =>
  pull({ connection: ingest, stream: STREAM, durable: DURABLE, inboxPrefix: INGEST_INBOX }, size);

/** Acknowledges, and waits until the server knows. */
async function ack(...envelopes: (Envelope | undefined)[]): Promise<void> {
  const before = (await ops.consumers.info(STREAM, DURABLE)).num_ack_pending;
  acknowledge(
    ingest,
    envelopes.filter((one) => one !== undefined),
  );
  await expect
    .poll(async () => (await ops.consumers.info(STREAM, DURABLE)).num_ack_pending, {
      timeout: 60_000,
    })
    .toBe(before - envelopes.length);
}

const storedAt = async (sequence: number) =>
  microsOf((await ops.streams.getMessage(STREAM, { seq: sequence })).timestamp);

const look = () => readDurableState(looking, STREAM, DURABLE);

/** The look tells the server's time of the look. */
async function expectIdle(): Promise<void> {
  const before = await consumerTime(ops);
  const dataAsOf = (await look())?.dataAsOf ?? 0;
  expect(dataAsOf).toBeGreaterThanOrEqual(before);
  expect(dataAsOf).toBeLessThanOrEqual(await consumerTime(ops));
}

test('where nothing was ever published it is the time of the look', expectIdle);

test('it is the timestamp of the first message that is not acknowledged, pulled or not', async () => {
  await publish(5);
  // 1 to 5 wait.
  expect(await look()).toMatchObject({ dataAsOf: await storedAt(1) });
  const [one, two, three] = await pullSome(3);
  expect(await look()).toMatchObject({ dataAsOf: await storedAt(1), unacknowledgedCount: 3 });
  // What comes later is acknowledged first: 1 holds it back.
  await ack(three);
  expect(await look()).toMatchObject({ dataAsOf: await storedAt(1), unacknowledgedCount: 2 });
  await ack(one);
  expect(await look()).toMatchObject({ dataAsOf: await storedAt(2), ackFloor: 1 });
  await ack(two);
  expect(await look()).toMatchObject({ dataAsOf: await storedAt(4), ackFloor: 3 });
  await ack(...(await pullSome(2)));
  await expectIdle();
});

test('a message that is no longer in the stream holds nothing back', async () => {
  await publish(3);
  // 6 is deleted before it was pulled, so that 7 is the first that is not acknowledged.
  await ops.streams.deleteMessage(STREAM, 6);
  expect(await look()).toMatchObject({ dataAsOf: await storedAt(7) });
  await ack(...(await pullSome(2)));
  await expectIdle();
});

test('it is never later than a message that is not acknowledged, though its server may not have told the durable yet', async () => {
  const rounds = 1_500;
  /**
   * By message: when it was stored, and, on the clock of this process, when its acknowledgement was
   * sent.
   */
  const acknowledged: { storedAt: number; sentMs: number }[] = [];
  const looks: { dataAsOf: number; seenMs: number }[] = [];
  let publishing = true;
  const lookOn = async () => {
    while (publishing) {
      const { dataAsOf = 0 } = (await look()) ?? {};
      looks.push({ dataAsOf, seenMs: performance.now() });
    }
  };
  const looking = [lookOn(), lookOn(), lookOn()];
  for (let round = 0; round < rounds; round++) {
    await publish(1);
    for (const envelope of await pullSome(1)) {
      acknowledged.push({ storedAt: envelope.timestamp, sentMs: performance.now() });
      acknowledge(ingest, [envelope]);
    }
  }
  publishing = false;
  await Promise.all(looking);
  expect(acknowledged).toHaveLength(rounds);
  // What was stored before a look's data_as_of had been acknowledged by the time at which that was
  // known.
  const wrong = looks.filter(({ dataAsOf, seenMs }) =>
    acknowledged.some(({ storedAt, sentMs }) => storedAt < dataAsOf && sentMs > seenMs),
  );
  expect(wrong).toEqual([]);
});

// Pulls on a cluster of three, whose consumer is replicated: the server says that a pull is full
// before a majority has its messages. A pull that left at that word would get them only after
// ack_wait.

import type { JetStreamManager, NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pull } from '../../../src/nats/pull.js';
import { ensureDurable, ensureStream, STREAM } from '../../../src/nats/topology.js';
import { startNatsCluster, type TestNatsCluster, untilDone } from '../../support/nats-cluster.js';

const DURABLE = 'analytics-rollup';
let cluster: TestNatsCluster;
let ops: NatsConnection;
let manager: JetStreamManager;

beforeAll(async () => {
  cluster = await startNatsCluster();
  ops = await cluster.connectAs('ops', { inboxPrefix: '_INBOX_OPS' });
  manager = await untilDone(() => ops.jetstreamManager());
  await untilDone(() => ensureStream(manager, { replicas: 3 }));
  await untilDone(() => ensureDurable(manager, DURABLE));
});
afterAll(async () => {
  await ops?.close();
  await cluster?.stop();
});

const SIZES = [1, 1, 7, 7, 50];

test('a full pull brings all its messages at once, through each server', async () => {
  const billing = await cluster.connectAs('billing');
  for (const index of cluster.servers.keys()) {
    const connection = await cluster.connectAs('ingest', { servers: cluster.urls(index) });
    const source = { connection, stream: STREAM, durable: DURABLE, inboxPrefix: '_INBOX' };
    const brought: number[] = [];
    for (const size of SIZES) {
      for (let event = 0; event < size; event += 1) {
        await untilDone(() => billing.jetstream().publish('sms.billing.v1.charged', '{}'));
      }
      const envelopes = await pull(source, size);
      // The consumer's server may not have the last ones yet; what it sent must not be lost.
      while (envelopes.length < size) {
        envelopes.push(...(await pull(source, size - envelopes.length)));
      }
      brought.push(envelopes.length);
      expect(envelopes.some(({ redelivered }) => redelivered)).toBe(false);
      for (const { replySubject } of envelopes) connection.publish(replySubject, '+ACK');
    }
    await connection.close();
    expect(brought).toEqual(SIZES);
  }
  await billing.close();
});

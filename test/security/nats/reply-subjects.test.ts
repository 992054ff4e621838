// Attack 33 on the real configuration, on one server and on a cluster of three. NATS checks the
// subject of a publish, never its reply subject: within one account, the empty status of a pull is
// a valid purge. No answer may reach a subject that its credential cannot. The stream, its durables
// and its counts are compared before and after each request of the table.

import { AckPolicy, connect, type JetStreamManager, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NatsUser } from '../../../deploy/local/engines/nats-server.js';
import { pull } from '../../../src/nats/pull.js';
import { ensureDurable, ensureStream, STREAM } from '../../../src/nats/topology.js';
import { DURABLE } from '../../support/durable.js';
import { startNats } from '../../support/engines.js';
import { startNatsCluster, untilDone } from '../../support/nats-cluster.js';
import {
  CHARGED,
  CLOSED,
  CREDENTIALS,
  type Credential,
  EMPTY,
  REPORTED,
  REQUESTS,
  SCRATCH,
} from './reply-attacks.js';

interface Bus {
  readonly replicas: number;
  /** A connection to the server of that index, where there are several. */
  as(user: NatsUser, index?: number): Promise<NatsConnection>;
  stop(): Promise<void>;
}

async function oneServer(): Promise<Bus> {
  const nats = await startNats();
  const as = (user: NatsUser) => {
    const { host, password } = new URL(nats.url(user));
    return connect({ servers: host, user, pass: password });
  };
  return { replicas: 1, as, stop: () => nats.stop() };
}

async function threeServers(): Promise<Bus> {
  const cluster = await startNatsCluster();
  const as = (user: NatsUser, index?: number) =>
    cluster.connectAs(user, { servers: cluster.urls(index) });
  return { replicas: 3, as, stop: () => cluster.stop() };
}

/** For an effect to show. Too short a time could only hide one. */
const SETTLE_MS = 100;

describe.each([
  ['one server', oneServer],
  ['a cluster of three', threeServers],
] as const)('on %s', (_name, start) => {
  let bus: Bus;
  let ops: NatsConnection;
  let manager: JetStreamManager;
  let ack: string;
  const heardByOps: string[] = [];

  beforeAll(async () => {
    bus = await start();
    ops = await bus.as('ops');
    ops.subscribe('_INBOX_OPS.>', { callback: (_, { subject }) => heardByOps.push(subject) });
    manager = await untilDone(() => ops.jetstreamManager());
    await untilDone(() => ensureStream(manager, { replicas: bus.replicas }));
    await untilDone(() => ensureDurable(manager, DURABLE));
    const others = [
      { durable_name: SCRATCH },
      { durable_name: EMPTY, filter_subject: 'sms.billing.v1.none' },
    ];
    for (const other of others) {
      const config = { ...other, ack_policy: AckPolicy.Explicit };
      await untilDone(() => manager.consumers.add(STREAM, config));
    }
    const billing = await bus.as('billing');
    await untilDone(() => billing.jetstream().publish(CHARGED, '{}'));
    const connection = await bus.as('ingest');
    const source = { connection, stream: STREAM, durable: SCRATCH, inboxPrefix: '_INBOX' };
    const delivered = async () => {
      const [envelope] = await pull(source, 1);
      if (envelope === undefined) throw new Error('nothing was delivered');
      return envelope.replySubject;
    };
    ack = await untilDone(delivered);
    await Promise.all([billing.close(), connection.close()]);
  });
  afterAll(async () => {
    await ops?.close();
    await bus?.stop();
  });

  /** All that an attack could change. */
  async function held() {
    const { config, created, state } = await manager.streams.info(STREAM, {
      subjects_filter: '>',
    });
    const durable = await manager.consumers.info(STREAM, DURABLE);
    const consumers = await manager.consumers.list(STREAM).next();
    const { paused } = durable as typeof durable & { readonly paused?: boolean };
    return {
      streams: await manager.streams.names().next(),
      consumers: consumers.map(({ name }) => name).sort(),
      stream: { config, created, first: state.first_seq, deleted: state.num_deleted },
      subjects: { ...state.subjects },
      // Nothing is delivered of it, so that all events of the stream wait.
      waitsForAll: durable.num_pending === state.messages,
      durable: { config: durable.config, created: durable.created, paused },
    };
  }

  /** Each request of the user, with each subject that it may not reach as the reply. */
  async function tryAll(connection: NatsConnection, user: Credential): Promise<void> {
    const wanted = await untilDone(held);
    const own = user === 'billing' ? CHARGED : REPORTED;
    // An event of a producer is stored all the same, once. The server refuses it where its reply is
    // an ack.
    const taken = CLOSED[user].filter((reply) => !reply.startsWith('$JS.ACK.')).length;
    for (const index of REQUESTS[user](ack).keys()) {
      for (const reply of CLOSED[user]) {
        const { subject, body, headers } = REQUESTS[user](ack)[index] ?? {};
        connection.publish(subject ?? '', body, { reply, ...(headers ? { headers } : {}) });
      }
      await connection.flush();
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      if (user !== 'ingest') wanted.subjects[own] = (wanted.subjects[own] ?? 0) + taken;
      const asked = REQUESTS[user](ack)[index];
      const found = async () => ({ asked: asked?.subject, ...(await held()) });
      const expected = { asked: asked?.subject, ...wanted };
      await expect.poll(found, { timeout: 30_000 }).toEqual(expected);
    }
    expect(heardByOps).toEqual([]);
  }

  test.each(CREDENTIALS)('no answer to %s reaches what it may not reach itself', async (user) => {
    for (let index = 0; index < bus.replicas; index++) {
      const connection = await bus.as(user, index);
      await tryAll(connection, user);
      await connection.close();
    }
  });
});

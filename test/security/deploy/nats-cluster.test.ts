// The NATS cluster of production: the permissions and limits of nats.conf, TLS for clients and
// between servers, a stream of three copies, every write synced. One server dies; publishing goes
// on and nothing that was acknowledged is lost.

import { connect } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureStream } from '../../../src/nats/topology.js';
import { startNatsCluster, type TestNatsCluster, untilDone } from '../../support/nats-cluster.js';

let cluster: TestNatsCluster;
beforeAll(async () => {
  cluster = await startNatsCluster();
});
afterAll(() => cluster?.stop());

it('syncs every write, speaks TLS 1.3 only, and takes nobody without a password', async () => {
  for (const index of cluster.servers.keys()) {
    expect(await cluster.monitor(index, 'varz')).toMatchObject({
      server_name: `nats-${index}`,
      tls_required: true,
      max_payload: 128 * 1024,
      jetstream: {
        config: { sync_always: true },
        limits: { max_batch_inflight_per_stream: 50, max_batch_timeout: 2_000_000_000 },
      },
    });
  }
  const { ca } = cluster;
  const once = { servers: cluster.urls(0), reconnect: false };
  const tls = { ca, maxVersion: 'TLSv1.2' } as never;
  await expect(cluster.connectAs('ops', { ...once, tls })).rejects.toThrow();
  await expect(connect({ ...once, tls: { ca } })).rejects.toThrow(/authorization/i);
});

it('keeps three copies, and goes on without one of them', async () => {
  const ops = await cluster.connectAs('ops', { inboxPrefix: '_INBOX_OPS' });
  const billing = await cluster.connectAs('billing');
  const manager = await untilDone(() => ops.jetstreamManager());
  await untilDone(() => ensureStream(manager, { replicas: 3 }));
  const publish = (id: string) =>
    untilDone(() => billing.jetstream().publish('sms.billing.v1.charged', id, { timeout: 3_000 }));
  for (let event = 0; event < 50; event += 1) await publish(`before-${event}`);
  const copies = (await manager.streams.info('SMS_EVENTS')).cluster;
  expect(copies?.replicas).toHaveLength(2);
  const leader = cluster.servers[Number(copies?.leader?.slice('nats-'.length))];
  leader?.kill('SIGKILL');
  await leader?.exited;
  for (let event = 0; event < 50; event += 1) await publish(`after-${event}`);
  // An event whose acknowledgement was lost is published again and stored twice: the ledger counts
  // it once.
  const { state } = await untilDone(() => manager.streams.info('SMS_EVENTS'));
  const stored = new Set<string>();
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    stored.add((await untilDone(() => manager.streams.getMessage('SMS_EVENTS', { seq }))).string());
  }
  expect(stored.size).toBe(100);
  await Promise.all([ops.close(), billing.close()]);
});

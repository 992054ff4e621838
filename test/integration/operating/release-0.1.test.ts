// What release 0.1 left behind comes up under this one: its stream gets this release's settings by
// `ops setup`, with every event and the durable's place; its progress, without accounting, is where
// the accounting begins.

import { type JetStreamManager, nanos } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSite, type TestSite } from '../../support/site.js';
import { charge, connectAs, ops, publication } from './run-ops.js';

/** The stream and the durable as `ops setup` of release 0.1 made them. */
const STREAM_OF_0_1 = {
  name: 'SMS_EVENTS',
  subjects: ['sms.billing.>', 'sms.dlr.>'],
  retention: 'limits',
  storage: 'file',
  discard: 'new',
  max_age: nanos(14 * 86_400_000),
  duplicate_window: nanos(120_000),
  num_replicas: 1,
};
const DURABLE_OF_0_1 = {
  durable_name: 'analytics-rollup',
  ack_policy: 'explicit',
  deliver_policy: 'all',
  max_deliver: -1,
  ack_wait: nanos(60_000),
  max_ack_pending: 20_000,
};

let site: TestSite;
let manager: JetStreamManager;
let disconnect: () => Promise<void>;

beforeAll(async () => {
  site = await createSite();
  const connection = await connectAs(site, 'ops');
  disconnect = () => connection.close();
  manager = await connection.jetstreamManager();
  await manager.streams.delete('SMS_EVENTS');
  await manager.streams.add(STREAM_OF_0_1 as never);
  await manager.consumers.add('SMS_EVENTS', DURABLE_OF_0_1 as never);
});
afterAll(async () => {
  await disconnect?.();
  await site?.close();
});

const counted = async () =>
  (await site.database.query('SELECT count(*)::int AS count FROM ledger')).rows[0].count;

it('the stream is brought up by setup, and counting goes on where it was', async () => {
  await site.publish([1, 2, 3].map(() => publication(charge())));
  const before = await site.start('ingest');
  await site.drained();
  await before.stop();
  await site.database.query(
    'DELETE FROM stream_account; UPDATE ingest_progress SET committed = NULL',
  );
  await site.publish([1, 2].map(() => publication(charge())));
  const place = await manager.consumers.info('SMS_EVENTS', 'analytics-rollup');

  expect(await ops(site, 'setup')).toContain('stream SMS_EVENTS: updated');
  const { config, state } = await manager.streams.info('SMS_EVENTS');
  expect(config).toMatchObject({
    ...{ deny_purge: true, deny_delete: true, allow_atomic: true },
    duplicate_window: nanos(100),
  });
  expect(state.messages).toBe(5);
  const after = await manager.consumers.info('SMS_EVENTS', 'analytics-rollup');
  expect(after.ack_floor).toEqual(place.ack_floor);
  expect(await ops(site, 'setup')).toContain('stream SMS_EVENTS: unchanged');

  await site.start('ingest');
  await site.drained();
  expect(await counted()).toBe(5);
  const { rows } = await site.database.query(
    'SELECT (SELECT count(*)::int FROM stream_gap) AS gaps, counted_through::int AS through FROM stream_account',
  );
  expect(rows[0].gaps).toBe(0);
  expect(rows[0].through).toBeGreaterThanOrEqual(3);
});

// Attack 30: what a stolen credential of a service can do to the broker. Only the ops user may
// create, reset or delete consumers and streams; ops may not publish an event; each producer has
// its own subjects and nothing else.

import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSite, type TestSite } from '../../support/site.js';
import { charge, connectAs, publication } from './run-ops.js';

let site: TestSite;
beforeAll(async () => {
  site = await createSite();
  await site.publish([publication(charge())]);
});
afterAll(() => site?.close());

/**
 * `refused` where the server says permissions violation, `answered` where somebody answers;
 * whatever comes first.
 */
async function attempt(connection: NatsConnection, subject: string, body: object | string) {
  const refused = (async () => {
    for await (const { data } of connection.status()) {
      if (String(data) === 'PERMISSIONS_VIOLATION') return 'refused';
    }
    return 'closed';
  })();
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = connection.request(subject, payload, { timeout: 60_000 }).then(
    () => 'answered',
    (error: { code?: string }) =>
      error.code === 'PERMISSIONS_VIOLATION' ? 'refused' : (error.code ?? 'failed'),
  );
  return Promise.race([refused, answer]);
}

const FORBIDDEN: readonly [string, object][] = [
  ['$JS.API.CONSUMER.RESET.SMS_EVENTS.analytics-rollup', { seq: 1 }],
  ['$JS.API.CONSUMER.DELETE.SMS_EVENTS.analytics-rollup', {}],
  ['$JS.API.CONSUMER.PAUSE.SMS_EVENTS.analytics-rollup', {}],
  [
    '$JS.API.CONSUMER.CREATE.SMS_EVENTS.other',
    { stream_name: 'SMS_EVENTS', config: { name: 'other', durable_name: 'other' } },
  ],
  ['$JS.API.CONSUMER.DURABLE.CREATE.SMS_EVENTS.other', {}],
  ['$JS.API.STREAM.PURGE.SMS_EVENTS', {}],
  ['$JS.API.STREAM.DELETE.SMS_EVENTS', {}],
  ['$JS.API.STREAM.MSG.DELETE.SMS_EVENTS', { seq: 1 }],
  ['$JS.API.STREAM.UPDATE.SMS_EVENTS', {}],
  ['$JS.API.STREAM.CREATE.OTHER', { name: 'OTHER', subjects: ['other.>'] }],
  ['sms.billing.v1.charged', {}],
  ['sms.dlr.v1.reported', {}],
];

describe('the broker', () => {
  it('refuses the ingest credential everything but fetching, acknowledging and inspecting', async () => {
    const connection = await connectAs(site, 'ingest');
    for (const [subject, body] of FORBIDDEN) {
      expect([subject, await attempt(connection, subject, body)]).toEqual([subject, 'refused']);
    }
    const allowed = '$JS.API.CONSUMER.INFO.SMS_EVENTS.analytics-rollup';
    expect(await attempt(connection, allowed, {})).toBe('answered');
    await connection.close();
    const ops = await connectAs(site, 'ops');
    const manager = await ops.jetstreamManager();
    const info = await manager.consumers.info('SMS_EVENTS', 'analytics-rollup');
    expect(info.num_pending + info.num_ack_pending).toBe(1);
    expect((await manager.streams.info('SMS_EVENTS')).state.messages).toBe(1);
    await ops.close();
  });

  it('refuses a producer the subjects of the other one, and ops every event', async () => {
    const tries: readonly ['billing' | 'dlr' | 'ops', string][] = [
      ['billing', 'sms.dlr.v1.reported'],
      ['dlr', 'sms.billing.v1.charged'],
      ['billing', '$JS.API.STREAM.PURGE.SMS_EVENTS'],
      ['ops', 'sms.billing.v1.charged'],
      ['ops', 'sms.dlr.v1.reported'],
    ];
    for (const [user, subject] of tries) {
      const connection = await connectAs(site, user);
      expect([user, subject, await attempt(connection, subject, '{}')]).toEqual([
        user,
        subject,
        'refused',
      ]);
      await connection.close();
    }
  });

  it('lets nobody but ops move the durable, and ops by RESET', async () => {
    const connection = await connectAs(site, 'ops');
    const subject = '$JS.API.CONSUMER.RESET.SMS_EVENTS.analytics-rollup';
    expect(await attempt(connection, subject, { seq: 1 })).toBe('answered');
    await connection.close();
  });
});

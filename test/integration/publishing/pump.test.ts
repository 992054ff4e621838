// What the pump does with events that some failed of, and that it was stopped with in hand.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Digest } from '../../../src/nats/announcements.js';
import { Bus } from '../../../src/publishing/publisher/bus.js';
import { accessOf } from '../../../src/publishing/publisher/publisher-options.js';
import { type Backlog, Pump } from '../../../src/publishing/publisher/pump.js';
import { withDigest } from '../../../src/publishing/spool/digest.js';
import type { SpooledEvent } from '../../../src/publishing/spool/records.js';
import { type PublishingSite, startPublishingSite } from './publishing-site.js';

const PATIENCE = { timeout: 15_000, interval: 20 };

let site: PublishingSite;
let bus: Bus | undefined;

beforeAll(async () => {
  site = await startPublishingSite();
});
afterAll(async () => {
  await bus?.close();
  await site?.stop();
});

it('puts back at once what fails while it stops, and leaves no timer behind', async () => {
  await site.createStream({ allow_atomic: false, subjects: ['sms.billing.v1.charged'] });
  const charge = withDigest('charged', Buffer.from('{"eventId":"one"}'));
  const refund = withDigest('refunded', Buffer.from('{"eventId":"two"}'));
  let stopping: Promise<void> | undefined;
  const waiting: SpooledEvent[] = [refund, charge];
  const back: Digest[] = [];
  const backlog: Backlog = {
    next: async (count) => waiting.splice(0, count),
    putBack: (events) => {
      if (stopping === undefined) waiting.push(refund, charge);
      else back.push(...events);
    },
  };
  const access = accessOf({
    servers: site.server,
    credential: site.credential('billing'),
    source: 'billing',
  });
  const connected = () => {
    bus?.batchesAreDisabled();
    pump.reconnected();
  };
  bus = new Bus(access, { connected, refused: () => undefined });
  const pump = new Pump(backlog, bus, {
    stored: () => {
      stopping = pump.stop();
    },
    failed: () => undefined,
    troubled: () => undefined,
  });
  await expect.poll(() => stopping !== undefined, PATIENCE).toBe(true);
  await stopping;
  expect(back).toEqual([{ digestHigh: refund.digestHigh, digestLow: refund.digestLow }]);
});

// A process is killed in the middle of acknowledging: of a committed batch the acknowledgements of
// one part have reached NATS, those of the rest never will. The rest is delivered again, counts
// nothing twice and leaves nothing pending.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { environmentOf } from '../../deploy/local/stack/services.js';
import { createSite, type TestSite } from '../support/site.js';
import { type AckProxy, startAckProxy } from './ack-proxy.js';
import { lotsOf, Published, startCounter, until } from './guarded-ingest.js';
import { committedBatches, durable, setAckWait } from './held-commit.js';

const LOT = 300;
const ACKED = 120;
const ACK_WAIT_MS = 3_000;

let site: TestSite;
let proxy: AckProxy;

beforeAll(async () => {
  site = await createSite();
  await setAckWait(site, ACK_WAIT_MS);
  proxy = await startAckProxy(site.nats.port, ACKED);
});
afterAll(async () => {
  await site?.close();
  await proxy?.close();
});

it('a process killed after a part of the acknowledgements: the rest comes again and counts nothing twice', async () => {
  const [first = [], second = []] = lotsOf(2, LOT, 31);
  const published = new Published(site);
  await published.publish(first);
  const viaProxy = new URL(environmentOf('ingest', site.site).NATS_URL ?? '');
  viaProxy.port = String(proxy.port);
  const killed = await startCounter(site, {
    NATS_URL: viaProxy.href,
    BATCH_SIZE: String(LOT),
  });
  await until('a part is acknowledged', async () => {
    return (await durable(site)).num_ack_pending === LOT - ACKED && proxy.passed === ACKED;
  });
  killed.child.kill('SIGKILL');
  await killed.child.exited;
  await proxy.close();
  expect(await committedBatches(site, killed.child)).toBe(1);
  expect((await durable(site)).num_ack_pending).toBe(LOT - ACKED);
  const heir = await startCounter(site);
  await published.expectCounted();
  await published.publish(second);
  await published.expectCounted();
  const { num_ack_pending, num_pending, ack_floor, delivered } = await durable(site);
  expect({ num_ack_pending, num_pending }).toEqual({ num_ack_pending: 0, num_pending: 0 });
  expect(ack_floor.stream_seq).toBe(2 * LOT);
  // What was acknowledged came once, the rest at least twice.
  expect(delivered.consumer_seq).toBeGreaterThanOrEqual(2 * LOT + LOT - ACKED);
  expect(heir.child.running).toBe(true);
});

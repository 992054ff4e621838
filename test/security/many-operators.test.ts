// Attack 28: a flood of distinct operator ids. Each is counted; none becomes a label of a metric,
// and neither the memory of ingest nor what its scraper reads grows with them. OPERATORS=100000 for
// the whole attack, which takes minutes: each new operator is a row in every rollup.

import { connect } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSite, type TestSite } from '../support/site.js';

const OPERATORS = Number(process.env.OPERATORS ?? 15_000);
const LOT = 2_000;
const MEGABYTE = 1_048_576;
const acceptedAt = new Date(Date.now() - 3_600_000).toISOString();

let site: TestSite;
let url: string;

beforeAll(async () => {
  site = await createSite();
  const port = String(site.site.ports.ingestAdmin);
  url = `http://127.0.0.1:${port}/metrics`;
  await site.spawn('ingest', { ADMIN_PORT: port });
});

afterAll(() => site?.close());

async function publishLots(from: number, to: number): Promise<void> {
  const { host, password } = new URL(site.nats.url('billing'));
  const connection = await connect({ servers: host, user: 'billing', pass: password });
  for (let index = from; index < to; index += 1) {
    const event = {
      eventId: `e${index}`,
      messageId: `0198a6f2-7c30-7c11-9b1e-${index.toString(16).padStart(12, '0')}`,
      accountId: 'acme-travel',
      operatorId: `op-${index}`,
      acceptedAt,
      chargedAt: acceptedAt,
      segments: 1,
      amount: '0.05',
      currency: 'EUR',
    };
    connection.publish('sms.billing.v1.charged', JSON.stringify(event));
    if (index % LOT === 0) await connection.flush();
  }
  await connection.drain();
}

const scrape = async () => (await fetch(url)).text();
const memoryOf = (metrics: string) =>
  Number(/^process_resident_memory_bytes\{[^}]*\} (\S+)$/m.exec(metrics)?.[1]);

it('operators without end are counted in bounded memory, and none becomes a label', async () => {
  await publishLots(0, 1_000);
  await site.drained();
  const before = await scrape();
  await publishLots(1_000, OPERATORS);
  await site.drained(500_000);
  const after = await scrape();
  const { rows } = await site.database.query<{ operators: number; messages: number }>(
    `SELECT count(DISTINCT operator_id)::int AS operators, sum(messages)::int AS messages
       FROM outcome_platform WHERE grain_minutes = 15`,
  );
  expect(rows).toEqual([{ operators: OPERATORS, messages: OPERATORS }]);
  expect(after).not.toContain('op-');
  // The same series as after the first thousand, but for those that appear with the first garbage
  // collection.
  expect(after.split('\n').length).toBeLessThan(before.split('\n').length + 60);
  expect(memoryOf(after)).toBeGreaterThan(20 * MEGABYTE);
  expect(memoryOf(after)).toBeLessThan(256 * MEGABYTE);
}, 600_000);

// Attack 25, and the privacy of everything: phone numbers come in by every way that there is, in
// events and in questions, and afterwards no table, log line, metric or audit record holds one. The
// same search finds what should be there, so it can find. The only place left is the stream's own
// payload, which is the producers'.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, headers } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../../deploy/local/engines/child.js';
import { analyticsClient } from '../support/analytics-client.js';
import { createSite, type TestSite } from '../support/site.js';

const hour = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
const yesterday = hour(-24).slice(0, 10);
const tomorrow = hour(24).slice(0, 10);

const messageId = (index: number) =>
  `0198a6f2-7c30-7c11-9b1e-${String(index).padStart(12, '0').replace(/0/g, 'a')}`;
const charged = (index: number) => ({
  eventId: `privacy-${index}`,
  messageId: messageId(index),
  accountId: 'acme-travel',
  operatorId: '26201',
  acceptedAt: hour(-2),
  chargedAt: hour(-2),
  segments: 1,
  amount: '0.05',
  currency: 'EUR',
});

/** A number of its own per way in; numbers of this block are fictitious. */
const numbers: string[] = [];
function phone(write: (digits: string) => string = (digits) => digits): string {
  const digits = `417955501${String(numbers.length).padStart(2, '0')}`;
  numbers.push(digits.slice(2));
  return write(digits);
}
const spaced = (digits: string) =>
  `+${digits.slice(0, 2)} ${digits.slice(2, 4)} ${digits.slice(4)}`;

/** Ways of putting a number into an event, each on a good one. */
const HOSTILE: readonly object[] = [
  { to: phone() },
  { msisdn: phone((digits) => `+${digits}`) },
  { PHONE_number: phone((digits) => `00${digits}`) },
  { routing: { hops: [{ recipient: phone() }] } },
  { text: `call ${phone()} now` },
  { future: phone() },
  { future: { note: `sent to ${phone((digits) => `+${digits}`)}`, list: [phone()] } },
  { [phone((digits) => `x${digits}`)]: true },
  { accountId: phone() },
  { accountId: phone(spaced) },
  { operatorId: phone((digits) => `00${digits}`) },
  { operatorId: phone((digits) => digits.match(/../g)?.join('-') ?? digits) },
  { eventId: phone() },
  { eventId: phone((digits) => `+${digits}`) },
  { messageId: phone() },
  { amount: phone((digits) => `${digits}x`) },
  { currency: phone() },
  { acceptedAt: phone() },
  { chargedAt: phone(spaced) },
  { segments: phone() },
];

let site: TestSite;
let everything: { where: string; text: string }[];

/** Publishes as billing, as nobody careful would. */
async function publishHostile(): Promise<void> {
  const { host, password } = new URL(site.nats.url('billing'));
  const connection = await connect({ servers: host, user: 'billing', pass: password });
  const stream = connection.jetstream();
  const publish = async (payload: string, subject = 'sms.billing.v1.charged', type?: string) => {
    const more = headers();
    if (type !== undefined) more.set('content-type', type);
    await stream.publish(subject, payload, { headers: more });
  };
  await publish(JSON.stringify(charged(0)));
  for (const [index, spoilt] of HOSTILE.entries()) {
    await publish(JSON.stringify({ ...charged(index + 1), ...spoilt }));
  }
  await publish(`{"to":"${phone()}"`);
  await publish(JSON.stringify(charged(98)), `sms.billing.v1.${phone()}`);
  await publish(JSON.stringify(charged(97)), 'sms.billing.v1.charged', phone());
  const more = headers();
  more.set('Nats-Msg-Id', phone());
  more.set('traceparent', phone());
  await stream.publish('sms.billing.v1.charged', JSON.stringify(charged(96)), { headers: more });
  await publish(JSON.stringify(charged(99)));
  await connection.close();
}

/** Asks with numbers wherever a question has text. */
async function askHostile(): Promise<void> {
  const { grpc } = site.site.ports;
  const common = {
    range: { start: yesterday, end: tomorrow },
    timeZone: '',
    granularity: 0,
    weekStart: 0,
    compare: 0,
    compareElapsed: false,
  };
  const admin = analyticsClient(grpc, site.tls, 'admin-dashboard');
  const portal = analyticsClient(grpc, site.tls, 'customer-portal', phone());
  const loose = analyticsClient(grpc, site.tls, 'customer-portal', phone(spaced));
  const refused = (asked: Promise<unknown>) =>
    asked.then(
      () => 'answered',
      () => 'refused',
    );
  await refused(portal.getAccountUsage({ ...common, accountId: phone() }));
  await refused(loose.getAccountUsage({ ...common, accountId: phone(spaced) }));
  await refused(portal.getSummary(common));
  await refused(admin.getAccountUsage({ ...common, accountId: phone(spaced) }));
  await refused(admin.getAccountUsage({ ...common, accountId: phone() }));
  await refused(admin.getSummary({ ...common, timeZone: phone() }));
  await refused(admin.getSummary({ ...common, range: { start: phone(), end: phone(spaced) } }));
  for (const client of [admin, portal, loose]) client.close();
}

/**
 * Every metric, then (the processes have ended, their last audit records with them) every row and
 * log line.
 */
async function collect(children: readonly Child[]): Promise<{ where: string; text: string }[]> {
  const found: { where: string; text: string }[] = [];
  for (const port of [site.site.ports.apiAdmin, site.site.ports.ingestAdmin]) {
    const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
    found.push({ where: `metrics of port ${port}`, text: await metrics.text() });
  }
  for (const child of children) await child.stop();
  const { rows: tables } = await site.database.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY name`,
  );
  for (const { name } of tables) {
    const { rows } = await site.database.query<{ text: string }>(
      `SELECT t::text AS text FROM ${name} t`,
    );
    found.push({ where: name, text: rows.map(({ text }) => text).join('\n') });
  }
  const logs = join(site.site.dataDir, 'logs');
  for (const name of readdirSync(logs)) {
    found.push({ where: name, text: readFileSync(join(logs, name), 'utf8') });
  }
  return found;
}

beforeAll(async () => {
  site = await createSite();
  const adminPort = String(site.site.ports.ingestAdmin);
  const ingest = await site.spawn('ingest', { LOG_LEVEL: 'trace', ADMIN_PORT: adminPort });
  const api = await site.start('api', { LOG_LEVEL: 'trace' });
  await publishHostile();
  await site.drained();
  await askHostile();
  everything = await collect([api, ingest]);
});

afterAll(() => site?.close());

const placesOf = (needle: string) =>
  everything.filter(({ text }) => text.includes(needle)).map(({ where }) => where);

describe('after a hostile run', () => {
  it('no table, log line, metric or audit record holds a phone number, however it was written', () => {
    expect(numbers.length).toBeGreaterThan(30);
    const found = numbers.flatMap((digits) => {
      const forms = [digits, spaced(`41${digits}`).slice(4), digits.replace(/^(..)/, '$1 ')];
      const pairs = `41${digits}`.match(/../g)?.join('-') ?? digits;
      return [...forms, pairs].flatMap((form) =>
        placesOf(form).map((where) => `${form} in ${where}`),
      );
    });
    expect(found).toEqual([]);
  });

  it('the good neighbours are counted, and the same search finds them', async () => {
    const { rows } = await site.database.query<{ message_id: string }>(
      'SELECT message_id FROM ledger ORDER BY message_id',
    );
    const ids = rows.map((row) => row.message_id);
    for (const index of [0, 96, 99]) expect(ids).toContain(messageId(index));
    expect(placesOf(messageId(0))).toEqual(
      expect.arrayContaining([expect.stringContaining('ledger')]),
    );
    expect(placesOf('acme-travel').length).toBeGreaterThan(0);
  });

  it('the refused ones are dead letters, told by reason and field only', async () => {
    const { rows } = await site.database.query<{ reason: string; count: number }>(
      'SELECT reason, count(*)::int AS count FROM dead_letter GROUP BY reason ORDER BY reason',
    );
    const byReason = Object.fromEntries(rows.map(({ reason, count }) => [reason, count]));
    expect(byReason.forbidden_field).toBe(5);
    expect(byReason.looks_like_msisdn).toBeGreaterThanOrEqual(4);
    expect(byReason.malformed).toBeGreaterThanOrEqual(1);
    expect(byReason.unknown_subject).toBe(1);
  });

  it('the denials are on record', () => {
    expect(
      everything.some(({ where, text }) => /audit/.test(where) && /customer-portal/.test(text)),
    ).toBe(true);
  });
});

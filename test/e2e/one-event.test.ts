// One message followed from its two events to its ledger row, its rollup rows and its answers: the
// story of the README, with the same numbers. Yesterday, so that it is always recent; the day is
// all that differs from the README's.
//
//   event      sms.billing.v1.charged  accepted 09:07:30.000, 2 segments, 0.0790 EUR, acme-travel, operator 26201
//   event      sms.dlr.v1.reported     DELIVERED at 09:07:34.200
//   ledger     one row: DELIVERED, 2 segments, 0.079 EUR, latency 4.2 s = bin 306
//   rollups    bucket 09:00 (15 minutes): 1 message, 2 segments, 0 contradicted; 1 charge, 0.079 EUR
//              minute 09:07: 1 accepted, 1 completed
//   answer     accepted 1, delivered 1, delivery rate 1/1 (Wilson 0.2065 to 1), p50 4.106 s (2.2 % from 4.2 s),
//              charged 0.079, net 0.079, net per delivered 0.079 EUR
//
// Bin: gamma = 1.025 / 0.975 = 1.0512820…; ln 4,200,000 / ln gamma = 15.25059 / 0.0500104 = 304.95,
// raised to 305, plus 1. It stands for 2 * gamma^305 / (gamma + 1) = 4,105,592 µs. Wilson's lower
// bound of 1 of 1: 1 / (1 + 1.95996²) = 0.20655.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Child } from '../../deploy/local/engines/child.js';
import {
  encode,
  headersOf,
  PLAIN,
  type SmsEvent,
  subjectOf,
} from '../../deploy/local/traffic/event.js';
import { MessageState } from '../../src/generated/proto/sms/events/v1/events.js';
import { analyticsClient } from '../support/analytics-client.js';
import { createSite, type TestSite } from '../support/site.js';

const SECOND = 1_000_000;
const MESSAGE_ID = '0198a6f2-7c30-7c11-9b1e-4f6a2d3c5e70';
const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
const acceptedAt = Date.parse(`${yesterday}T09:07:30.000Z`) * 1000;

const common = { messageId: MESSAGE_ID, accountId: 'acme-travel', operatorId: '26201', acceptedAt };
const CHARGED: SmsEvent = {
  kind: 'charged',
  eventId: 'charge-1',
  ...common,
  occurredAt: acceptedAt,
  segments: 2,
  amount: '0.0790',
  currency: 'EUR',
};
const DELIVERED: SmsEvent = {
  kind: 'reported',
  eventId: 'receipt-1',
  ...common,
  occurredAt: acceptedAt + 4.2 * SECOND,
  state: MessageState.DELIVERED,
};

let site: TestSite;
let ingest: Child;

beforeAll(async () => {
  site = await createSite();
  [ingest] = await Promise.all([site.start('ingest'), site.start('api')]);
  const at = Date.now() * 1000;
  await site.publish(
    [CHARGED, DELIVERED].map((event) => ({
      subject: subjectOf(event),
      payload: encode(event, PLAIN),
      headers: headersOf(event, PLAIN),
      at,
      copy: false,
      invalid: false,
    })),
  );
  await site.drained();
});

afterAll(() => site?.close());

/** The rows of a rollup as text; every row of the database belongs to the one message. */
async function rows(text: string): Promise<string[]> {
  const result = await site.database.query({ text, rowMode: 'array' });
  return result.rows.map((row: unknown[]) => row.join(' '));
}

const BUCKET = `to_char(bucket AT TIME ZONE 'UTC', 'HH24:MI') AS bucket`;

describe('one message, charged and delivered', () => {
  it('is told of in the log when its events are committed', async () => {
    const lines = () =>
      readFileSync(ingest.logFile, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"msg":"batch committed"'))
        .map((line) => JSON.parse(line));
    // In one batch or in two; a line may come a second after its batch.
    const said = () => lines().reduce((sum, { batchSize }) => sum + batchSize, 0);
    await vi.waitFor(() => expect(said()).toBe(2), { timeout: 60_000, interval: 50 });
    const rest = { deadLetters: 0, duplicates: 0, redelivered: 0, durationMs: expect.any(Number) };
    for (const line of lines()) expect(line).toMatchObject({ ...rest, lag: expect.any(Number) });
  });

  it('is one row of the ledger', async () => {
    expect(
      await rows(
        `SELECT accepted_day::text, message_id, outcome, reason, segments, amount::numeric(9, 3), currency,
                latency_bin, charge_event, report_event FROM ledger`,
      ),
    ).toEqual([`${yesterday} ${MESSAGE_ID} DELIVERED  2 0.079 EUR 306 charge-1 receipt-1`]);
  });

  it('is one count in the cell of 09:00 of each rollup', async () => {
    // Where the charge was counted before the receipt came, the row of PENDING is left behind, at
    // zero.
    const left = 'WHERE messages <> 0';
    const counts = 'operator_id, outcome, messages, segments, contradicted';
    expect(
      await rows(
        `SELECT grain_minutes, ${BUCKET}, account_id, ${counts} FROM outcome_account ${left}`,
      ),
    ).toEqual(['15 09:00 acme-travel 26201 DELIVERED 1 2 0']);
    expect(
      await rows(
        `SELECT grain_minutes, ${BUCKET}, ${counts} FROM outcome_platform ${left} ORDER BY 1`,
      ),
    ).toEqual([
      '15 09:00 26201 DELIVERED 1 2 0',
      '60 09:00 26201 DELIVERED 1 2 0',
      '1440 00:00 26201 DELIVERED 1 2 0',
    ]);
    expect(
      await rows(
        `SELECT grain_minutes, ${BUCKET}, account_id, currency, charges, charged::numeric(9, 3), refunds
         FROM money_account`,
      ),
    ).toEqual(['15 09:00 acme-travel EUR 1 0.079 0']);
    expect(
      await rows(`SELECT ${BUCKET}, bin, messages FROM latency_platform WHERE grain_minutes = 15`),
    ).toEqual(['09:00 306 1']);
    expect(
      await rows(
        `SELECT ${BUCKET}, accepted, completed FROM throughput_platform WHERE grain_minutes = 1`,
      ),
    ).toEqual(['09:07 1 1']);
  });

  it('is the whole answer to the account it belongs to', async () => {
    const { ports } = site.site;
    const portal = analyticsClient(ports.grpc, site.tls, 'customer-portal', 'acme-travel');
    const answer = await portal.getAccountUsage({
      accountId: 'acme-travel',
      range: { start: yesterday, end: tomorrow },
      timeZone: '',
      granularity: 0,
      weekStart: 0,
      compare: 0,
      compareElapsed: false,
    });
    portal.close();
    expect(answer.counts).toMatchObject({ accepted: 1n, delivered: 1n, pending: 0n, segments: 2n });
    expect(answer.rates?.deliveryRate).toMatchObject({ numerator: 1n, denominator: 1n, value: 1 });
    expect(answer.rates?.deliveryRate?.wilsonLow).toBeCloseTo(0.2065, 4);
    expect(answer.money).toHaveLength(1);
    expect(answer.money[0]).toMatchObject({ currency: 'EUR', charges: 1n, refunds: 0n });
    const { charged, refunded, net, netPerDelivered } = answer.money[0] ?? {};
    expect([charged, refunded, net, netPerDelivered].map(Number)).toEqual([0.079, 0, 0.079, 0.079]);
  });

  it('is the whole platform to the dashboard, with its latency within the promised error', async () => {
    const admin = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
    const answer = await admin.getSummary({
      range: { start: yesterday, end: tomorrow },
      timeZone: '',
      granularity: 0,
      weekStart: 0,
      compare: 0,
      compareElapsed: false,
    });
    admin.close();
    expect(answer.counts).toMatchObject({ accepted: 1n, delivered: 1n });
    expect([answer.activeAccounts, answer.activeOperators]).toEqual([1n, 1n]);
    const { seconds = 0n, nanos = 0 } = answer.latency?.p50 ?? {};
    // 4,105,592 µs: 2.25 % below 4.2 s.
    expect(Number(seconds) + nanos / 1e9).toBeCloseTo(4.1056, 3);
  });
});

// A crowd of callers beside ingestion (attack 18), on the real processes: some callers may be told
// to come back, health and counting go on.

import { randomUUID } from 'node:crypto';
import { status as Code, type ServiceError } from '@grpc/grpc-js';
import { connect, type NatsConnection } from 'nats';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Analytics, analyticsClient } from '../support/analytics-client.js';
import { createSite, type TestSite } from '../support/site.js';

const CALLERS = 200;

let site: TestSite;
let billing: NatsConnection;

beforeAll(async () => {
  site = await createSite();
  await Promise.all([site.start('ingest'), site.start('api', { POOL_SIZE: '8' })]);
  const { host, username, password } = new URL(site.nats.url('billing'));
  billing = await connect({ servers: host, user: username, pass: decodeURIComponent(password) });
});

afterAll(async () => {
  await billing?.close();
  await site?.close();
});

async function publishCharges(count: number): Promise<void> {
  const jetstream = billing.jetstream();
  const at = new Date().toISOString();
  const charges = Array.from({ length: count }, () => {
    const messageId = randomUUID();
    const ids = { eventId: `c-${messageId}`, messageId };
    const parties = { accountId: 'acme-travel', operatorId: '22801' };
    const price = { segments: 1, amount: '0.01', currency: 'EUR' };
    return { ...ids, ...parties, acceptedAt: at, chargedAt: at, ...price };
  });
  await Promise.all(
    charges.map((charge) => jetstream.publish('sms.billing.v1.charged', JSON.stringify(charge))),
  );
}

async function counted(): Promise<number> {
  const { rows } = await site.database.query<{ messages: string }>(
    'SELECT coalesce(sum(messages), 0) AS messages FROM outcome_platform WHERE grain_minutes = 1440',
  );
  return Number(rows[0]?.messages);
}

/** The largest questions of a dashboard, no two alike, with how each ends. */
function askLargest(dashboard: Analytics, groupBy: number[]): Promise<Code>[] {
  const end = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  return Array.from({ length: CALLERS }, (_, caller) => {
    const start = new Date(Date.now() - (398 - caller) * 86_400_000).toISOString().slice(0, 10);
    return dashboard
      .getDeliveryBreakdown({
        range: { start, end },
        timeZone: '',
        filter: undefined,
        groupBy,
        orderBy: '',
        pageSize: 1000,
        pageToken: '',
      })
      .then(
        () => Code.OK,
        (error: ServiceError) => error.code,
      );
  });
}

describe('two hundred callers who ask for the largest range at once', () => {
  it('get an answer or are told to come back, while health and ingestion go on', async () => {
    const { ports } = site.site;
    const dashboard = analyticsClient(ports.grpc, site.tls, 'admin-dashboard');
    const before = await counted();
    const answers = askLargest(dashboard, [4, 5, 2]);
    await publishCharges(100);
    const live = await fetch(`http://127.0.0.1:${ports.apiAdmin}/livez`);
    expect(live.status).toBe(200);
    await site.drained();
    expect(await counted()).toBe(before + 100);
    const codes = new Set(await Promise.all(answers));
    const allowed = [Code.OK, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED];
    expect([...codes].filter((code) => !allowed.includes(code))).toEqual([]);
    expect(codes).toContain(Code.OK);
    dashboard.close();
  }, 300_000);
});

describe('two hundred callers whose questions wait for a lock', () => {
  it('keep neither an account from its figures nor the process from being ready', async () => {
    const { ports } = site.site;
    const dashboard = analyticsClient(ports.grpc, site.tls, 'admin-dashboard');
    const portal = analyticsClient(ports.grpc, site.tls, 'customer-portal', 'acme-travel');
    const locker = new pg.Client({ connectionString: site.site.databaseUrl });
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE outcome_platform, outcome_sum IN ACCESS EXCLUSIVE MODE');
    try {
      const answers = askLargest(dashboard, [4, 2]);
      await expect.poll(() => waitingForALock(), { timeout: 20_000 }).toBeGreaterThan(4);
      const day = (offset: number) =>
        new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
      const took: number[] = [];
      for (let call = 0; call < 5; call++) {
        const askedMs = performance.now();
        const range = { start: day(-call - 1), end: day(1) };
        const usage = await portal.getAccountUsage({
          accountId: 'acme-travel',
          range,
          timeZone: '',
          granularity: 0,
          weekStart: 0,
          compare: 0,
          compareElapsed: false,
        });
        took.push(performance.now() - askedMs);
        expect(usage.accountId).toBe('acme-travel');
      }
      // A look at the state that waits behind the crowd takes five seconds to give up, each time.
      took.sort((left, right) => left - right);
      expect(took[2]).toBeLessThan(4_000);
      // Longer than it takes to become unready: three probes of two seconds each.
      const untilMs = performance.now() + 12_000;
      while (performance.now() < untilMs) {
        const ready = await fetch(`http://127.0.0.1:${ports.apiAdmin}/readyz`);
        expect(ready.status).toBe(200);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      expect(await waitingForALock()).toBeGreaterThan(4);
      await locker.query('ROLLBACK');
      await Promise.all(answers);
    } finally {
      await locker.end();
      dashboard.close();
      portal.close();
    }
  }, 300_000);
});

async function waitingForALock(): Promise<number> {
  const { rows } = await site.database.query(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
      AND application_name = 'sms-analytics-api' AND wait_event_type = 'Lock'`,
  );
  return rows.length;
}

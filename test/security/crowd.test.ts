// A crowd of callers beside ingestion (attack 18), and a flood of made-up operators (attack 28), on the real processes:
// both must leave memory and metrics bounded, and the other party responsive.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { status as Code, type ServiceError } from '@grpc/grpc-js';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../../deploy/local/child.js';
import { analyticsClient } from '../support/analytics-client.js';
import { createSite, type TestSite } from '../support/site.js';

const CALLERS = 200;
const OPERATORS = 100_000;
const IN_FLIGHT = 2_000;
const MEMORY_LIMIT_MB = 256;

let site: TestSite;
let ingest: Child;
let billing: NatsConnection;

beforeAll(async () => {
  site = await createSite();
  const { ports } = site.site;
  ingest = await site.spawn('ingest', { ADMIN_PORT: String(ports.ingestAdmin) });
  await site.start('api');
  const { host, username, password } = new URL(site.nats.url('billing'));
  billing = await connect({ servers: host, user: username, pass: decodeURIComponent(password) });
});

afterAll(async () => {
  await billing?.close();
  await site?.close();
});

/** Publishes `count` charges, each at an operator of its own. */
async function publishCharges(count: number, operatorOf: (index: number) => string): Promise<void> {
  const jetstream = billing.jetstream();
  const at = new Date().toISOString();
  for (let first = 0; first < count; first += IN_FLIGHT) {
    const batch = Array.from({ length: Math.min(IN_FLIGHT, count - first) }, (_, offset) => {
      const messageId = randomUUID();
      const charge = {
        eventId: `c-${messageId}`,
        messageId,
        accountId: 'acme-travel',
        operatorId: operatorOf(first + offset),
        acceptedAt: at,
        chargedAt: at,
        segments: 1,
        amount: '0.01',
        currency: 'EUR',
      };
      return jetstream.publish('sms.billing.v1.charged', JSON.stringify(charge), {
        timeout: 60_000,
      });
    });
    await Promise.all(batch);
  }
}

async function counted(): Promise<number> {
  const { rows } = await site.database.query<{ messages: string }>(
    'SELECT coalesce(sum(messages), 0) AS messages FROM outcome_platform WHERE grain_minutes = 1440',
  );
  return Number(rows[0]?.messages);
}

function residentMb(child: Child): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

describe('a flood of operators that nobody has heard of', () => {
  it('is counted within bounded memory, and never becomes a label', async () => {
    await publishCharges(OPERATORS, (index) => `made-up-${index.toString(36)}`);
    await site.drained(120_000);
    expect(await counted()).toBe(OPERATORS);
    if (process.platform === 'linux') expect(residentMb(ingest)).toBeLessThan(MEMORY_LIMIT_MB);
    for (const port of [site.site.ports.ingestAdmin, site.site.ports.apiAdmin]) {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).not.toContain('made-up');
      expect(metrics.length).toBeLessThan(100_000);
    }
  }, 240_000);
});

describe('two hundred callers who ask for the largest range at once', () => {
  it('get an answer or are told to come back, while health and ingestion go on', async () => {
    const { ports } = site.site;
    const dashboard = analyticsClient(ports.grpc, site.tls, 'admin-dashboard');
    const before = await counted();
    const end = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const answers = Array.from({ length: CALLERS }, (_, caller) => {
      const start = new Date(Date.now() - (398 - caller) * 86_400_000).toISOString().slice(0, 10);
      return dashboard
        .getDeliveryBreakdown({
          range: { start, end },
          timeZone: '',
          filter: undefined,
          groupBy: [4, 5, 2],
          orderBy: '',
          pageSize: 1000,
          pageToken: '',
        })
        .then(
          () => Code.OK,
          (error: ServiceError) => error.code,
        );
    });
    await publishCharges(100, () => '22801');
    const live = await fetch(`http://127.0.0.1:${ports.apiAdmin}/livez`);
    expect(live.status).toBe(200);
    await site.drained(60_000);
    expect(await counted()).toBe(before + 100);
    const codes = new Set(await Promise.all(answers));
    const allowed = [Code.OK, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED];
    expect([...codes].filter((code) => !allowed.includes(code))).toEqual([]);
    expect(codes).toContain(Code.OK);
    dashboard.close();
  }, 180_000);
});

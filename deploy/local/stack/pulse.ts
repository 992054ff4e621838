// One line every few seconds while the stack runs: what was published (the stream), what was
// counted (the durable), what became a dead letter, and what the API answers right now to
// admin-dashboard.

import { readFileSync } from 'node:fs';
import { credentials as grpcCredentials, Metadata } from '@grpc/grpc-js';
import { connect, type NatsConnection } from 'nats';
import pg from 'pg';
import {
  AnalyticsServiceClient,
  GetSummaryRequest,
  type GetSummaryResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { natsUrl } from '../engines/nats-server.js';
import type { Site } from './services.js';

const STREAM = 'SMS_EVENTS';
const DAY_MS = 86_400_000;
const DAYS_ASKED = 4;

export interface Pulse {
  /** The line as of now; a part that cannot be had is a dash. */
  line(): Promise<string>;
  close(): Promise<void>;
}

/** Connects to the engines and the API of a running stack. */
export async function takePulse(site: Site): Promise<Pulse> {
  const { tls, ports, credentials, databaseUrl } = site;
  const url = new URL(natsUrl('ops', credentials.nats, ports.nats));
  const nats = await connect({
    servers: url.host,
    user: url.username,
    pass: url.password,
    inboxPrefix: '_INBOX_OPS',
    maxReconnectAttempts: -1,
    name: 'pulse',
  });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  pool.on('error', () => {});
  const dashboard = tls.identities['admin-dashboard'];
  const api = new AnalyticsServiceClient(
    `localhost:${ports.grpc}`,
    grpcCredentials.createSsl(
      readFileSync(tls.ca),
      readFileSync(dashboard.key),
      readFileSync(dashboard.cert),
    ),
  );
  return {
    async line() {
      const [stream, letters, answer] = await Promise.all([
        streamPart(nats, pool).catch(() => 'published – · counted –'),
        letterPart(pool).catch(() => 'dead letters –'),
        answerPart(api).catch(() => 'answered –'),
      ]);
      return `${stream} · ${letters} · ${answer}`;
    },
    async close() {
      api.close();
      await Promise.all([nats.close(), pool.end()]).catch(() => {});
    },
  };
}

/** Counts by the durable that is served: a rebuild swaps it for another one. */
async function streamPart(nats: NatsConnection, pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query(`SELECT durable FROM generation WHERE state = 'serving'`);
  const manager = await nats.jetstreamManager({ checkAPI: false, timeout: 2_000 });
  const [stream, durable] = await Promise.all([
    manager.streams.info(STREAM),
    manager.consumers.info(STREAM, rows[0].durable),
  ]);
  const published = stream.state.last_seq;
  const open = durable.num_pending + durable.num_ack_pending;
  return `published ${count(published)} · counted ${count(Math.max(0, published - open))}`;
}

async function letterPart(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query('SELECT count(*) AS letters FROM dead_letter');
  return `dead letters ${count(Number(rows[0].letters))}`;
}

async function answerPart(api: AnalyticsServiceClient): Promise<string> {
  const now = Date.now();
  const day = (offset: number) => new Date(now + offset * DAY_MS).toISOString().slice(0, 10);
  const request = GetSummaryRequest.fromPartial({
    range: { start: day(-DAYS_ASKED + 1), end: day(1) },
  });
  const answer = await new Promise<GetSummaryResponse>((resolve, reject) => {
    api.getSummary(request, new Metadata(), { deadline: now + 2_000 }, (error, response) =>
      error ? reject(error) : resolve(response),
    );
  });
  const rate = answer.rates?.settledDeliveryRate?.value;
  const delivered = rate === undefined ? '' : `, ${(rate * 100).toFixed(1)} % delivered`;
  const accepted = count(Number(answer.counts?.accepted ?? 0n));
  return `answered ${accepted} messages of ${DAYS_ASKED} days${delivered}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

// `npm run house -- answers`: the digests of the answers to 500 questions over one ledger, so that
// two commits can be compared to the byte. Ledger and questions come from a seed. The processes of
// the commit itself migrate, count and answer; this program only publishes, asks and hashes, so it
// imports nothing of the services. Two runs are comparable when they name the same `--day`.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { Command } from 'commander';
import fc from 'fast-check';
import { connect } from 'nats';
import pg from 'pg';
import { startChild, waitUntilReady } from '../../deploy/local/engines/child.js';
import { ensureDatabase } from '../../deploy/local/engines/database.js';
import { natsUrl, startNatsServer } from '../../deploy/local/engines/nats-server.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { postgresUrl, startPostgres } from '../../deploy/local/engines/postgres-server.js';
import { ensureCertificates } from '../../deploy/local/secrets/certificates.js';
import { randomCredentials } from '../../deploy/local/secrets/credentials.js';
import { type Site, serviceChild } from '../../deploy/local/stack/services.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { Publisher } from '../../deploy/local/traffic/publisher.js';
import {
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
  GetDeliveryBreakdownResponse,
  GetOperatorPerformanceRequest,
  GetOperatorPerformanceResponse,
  GetSummaryRequest,
  GetThroughputRequest,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { ledgersOf, type Season } from '../integration/answers/random-ledger.js';
import { type Question, questionsOf } from '../integration/answers/random-questions.js';
import type { Stored } from '../oracle/judge.js';
import { publicationOf } from '../support/publications.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const SEED = 20_261_130;
const MESSAGES = 400;
const QUESTIONS = 500;
const DAY_MS = 86_400_000;
const SERVICE = '/sms.analytics.v1.AnalyticsService/';
/** So many days later it is for the api: its certificates, made today, are valid for 30. */
const ASKED_AFTER_DAYS = 7;
/** A round of adding up takes a minute, and a day is added up in the second that finds it. */
const ADDED_UP_WITHIN_MS = 400_000;

interface Options {
  readonly root: string;
  readonly out: string;
  readonly day: string;
}

/**
 * Messages up to 29 days before `day`, which their acceptance allows, and all events before it, so
 * that none is of the future.
 */
function seasonOf(day: string): Season {
  const before = (days: number, time: string) =>
    `${new Date(Date.parse(day) - days * DAY_MS).toISOString().slice(0, 10)}T${time}Z`;
  return {
    name: 'lately',
    anchors: [before(11, '07:00:00'), before(15, '01:00:00'), before(18, '15:00:00')],
    now: `${day}T00:00:00Z`,
  };
}

/** The engines, and a way to start the processes of `root` on them. */
async function startStage(root: string) {
  const dataDir = await temporaryDirectory('answers');
  const credentials = randomCredentials();
  const [postgres = 0, nats = 0, grpc = 0, apiAdmin = 0, ingestAdmin = 0] = await freePorts(5);
  const logDir = join(dataDir, 'logs');
  await startPostgres({
    ...{ port: postgres, dataDir: join(dataDir, 'postgres'), logDir, durable: false },
    password: credentials.superuser,
  });
  await startNatsServer({
    ...{ port: nats, dataDir: join(dataDir, 'nats'), logFile: join(logDir, 'nats.log') },
    passwords: credentials.nats,
  });
  const server = postgresUrl(postgres, credentials.superuser);
  const databaseUrl = await ensureDatabase(server, 'sms_analytics');
  await prepare(root, databaseUrl, credentials);
  const tls = await ensureCertificates(join(dataDir, 'tls'));
  const ports = { postgres, nats, grpc, apiAdmin, ingestAdmin, clickhouse: 0 };
  const site: Site = { dataDir, ports, credentials, databaseUrl, tls };
  const launch = (service: 'api' | 'ingest' | 'ops', args: string[], at?: string) => {
    const child = serviceChild(service, site, args);
    const own = (text: string) => text.replace(projectRoot, root);
    const clock = pathToFileURL(join(projectRoot, 'test/support/fixed-clock.mjs')).href;
    const env = Object.entries(child.env ?? {}).map(([key, value]) => [key, own(value ?? '')]);
    return startChild({
      ...child,
      args: [...(at === undefined ? [] : ['--import', clock]), ...child.args.map(own)],
      env: { ...Object.fromEntries(env), ...(at === undefined ? {} : { FIXED_CLOCK: at }) },
    });
  };
  return { site, launch };
}

type Prepare = { prepareDatabase(url: string, credentials: unknown): Promise<void> };

/** Roles and migrations of the commit at `root`, by its own code, wherever it lies there. */
async function prepare(root: string, databaseUrl: string, passwords: unknown): Promise<void> {
  for (const path of ['engines/database.js', 'database.js']) {
    const file = pathToFileURL(join(root, 'dist/deploy/local', path)).href;
    const found = await import(file).catch(() => undefined);
    if (found !== undefined) return (found as Prepare).prepareDatabase(databaseUrl, passwords);
  }
  throw new Error(`${root} is not compiled`);
}

/** Counts the ledger, and lets every day that is over be added up. */
async function count({ site, launch }: Awaited<ReturnType<typeof startStage>>, season: Season) {
  const [batches = []] = fc.sample(ledgersOf(season, MESSAGES, 1), { seed: SEED, numRuns: 1 });
  const setup = await launch('ops', ['setup']);
  if ((await setup.exited) !== 'exited with code 0') throw new Error(setup.tail());
  const ingest = await launch('ingest', []);
  const admin = `http://127.0.0.1:${site.ports.ingestAdmin}`;
  const ready = async () => (await fetch(`${admin}/readyz`)).ok;
  await waitUntilReady(ingest, ready, { timeoutMs: 60_000 });
  const { nats } = site.credentials;
  const urls = {
    billing: natsUrl('billing', nats, site.ports.nats),
    dlr: natsUrl('dlr', nats, site.ports.nats),
  };
  const publisher = await Publisher.connect(urls);
  for (const { subject, payload, contentType } of batches.flat() as Stored[]) {
    await publisher.publish(publicationOf(subject, payload, { 'content-type': contentType }));
  }
  await publisher.close();
  await untilCounted(natsUrl('ops', nats, site.ports.nats));
  await untilAddedUp(admin);
  await ingest.stop();
  await settleProgress(site.databaseUrl, season.now);
}

async function untilCounted(url: string): Promise<void> {
  const { host, password } = new URL(url);
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  const manager = await connection.jetstreamManager();
  for (;;) {
    const { num_pending, num_ack_pending } = await manager.consumers.info(
      'SMS_EVENTS',
      'analytics-rollup',
    );
    if (num_pending + num_ack_pending === 0) break;
    await pause(100);
  }
  await connection.close();
}

/** The metric rises with the round that finds the days, and falls with each day that is done. */
async function untilAddedUp(admin: string): Promise<void> {
  const deadline = Date.now() + ADDED_UP_WITHIN_MS;
  for (let found = false; ; await pause(500)) {
    const text = await (await fetch(`${admin}/metrics`)).text();
    const due = Number(/^sms_analytics_days_to_add_up\S* (\d+)$/m.exec(text)?.[1] ?? 0);
    if (found && due === 0) return;
    found ||= due > 0;
    if (Date.now() > deadline) throw new Error(`${due} days are not added up`);
  }
}

/** What an answer says of its own freshness depends on the run: here it is given. */
async function settleProgress(databaseUrl: string, dataAsOf: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('UPDATE ingest_progress SET revision = 1, data_as_of = $1', [dataAsOf]);
  await client.end();
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What an rpc is asked with, and where its answer names the next page. */
const RPCS = {
  getSummary: { request: GetSummaryRequest, next: () => '' },
  getThroughput: { request: GetThroughputRequest, next: () => '' },
  getAccountUsage: { request: GetAccountUsageRequest, next: () => '' },
  getOperatorPerformance: {
    request: GetOperatorPerformanceRequest,
    next: (page: Buffer) => GetOperatorPerformanceResponse.decode(page).nextPageToken,
  },
  getDeliveryBreakdown: {
    request: GetDeliveryBreakdownRequest,
    next: (page: Buffer) => GetDeliveryBreakdownResponse.decode(page).nextPageToken,
  },
};

/** A digest of all pages of an answer, or of the refusal. */
async function digestOf(client: Client, { rpc, asked }: Question): Promise<string> {
  const { request, next } = RPCS[rpc];
  const path = `${SERVICE}${rpc[0]?.toUpperCase()}${rpc.slice(1)}`;
  const hash = createHash('sha256');
  const metadata = new Metadata();
  if (rpc === 'getAccountUsage') metadata.set('x-account-id', asked.accountId);
  let pages = 0;
  for (let pageToken = ''; pages === 0 || pageToken !== ''; pages++) {
    const bytes = Buffer.from(request.encode({ ...asked, pageToken } as never).finish());
    const page = await ask(client, path, bytes, metadata);
    if (!Buffer.isBuffer(page)) return `${status[page.code]} ${page.details}`;
    hash.update(page);
    pageToken = next(page);
  }
  return `${hash.digest('hex')} ${pages}`;
}

const asIs = (bytes: Buffer) => bytes;

function ask(client: Client, path: string, request: Buffer, metadata: Metadata) {
  const deadline = { deadline: Date.now() + 60_000 };
  return new Promise<Buffer | ServiceError>((resolve) =>
    client.makeUnaryRequest(path, asIs, asIs, request, metadata, deadline, (error, bytes) =>
      resolve(error ?? bytes ?? Buffer.alloc(0)),
    ),
  );
}

async function main({ root, out, day }: Options): Promise<void> {
  const season = seasonOf(day);
  const stage = await startStage(root);
  await count(stage, season);
  const { site, launch } = stage;
  const now = new Date(Date.parse(day) + ASKED_AFTER_DAYS * DAY_MS).toISOString();
  const api = await launch('api', [], now);
  const ready = async () => (await fetch(`http://127.0.0.1:${site.ports.apiAdmin}/readyz`)).ok;
  await waitUntilReady(api, ready, { timeoutMs: 60_000 });
  const { cert, key } = site.tls.identities['admin-dashboard'];
  const [ca, ownKey, own] = [site.tls.ca, key, cert].map((file) => readFileSync(file));
  const trust = credentials.createSsl(ca ?? null, ownKey ?? null, own ?? null);
  const client = new Client(`localhost:${site.ports.grpc}`, trust);
  const oldest = (Date.parse(season.now) - 85 * DAY_MS) * 1000;
  const questions = fc.sample(questionsOf(season, oldest), { seed: SEED, numRuns: QUESTIONS });
  const lines: string[] = [];
  for (const question of questions) lines.push(await digestOf(client, question));
  // Once more, now that all of it is remembered.
  for (const [i, question] of questions.entries()) {
    if ((await digestOf(client, question)) !== lines[i]) lines[i] = 'differs when asked again';
  }
  client.close();
  await api.stop();
  const text = lines.map((line, i) => `${i + 1} ${questions[i]?.rpc} ${line}\n`).join('');
  writeFileSync(out, text);
  const refused = lines.filter((line) => /^[A-Z_]+ /.test(line)).length;
  process.stdout.write(`${lines.length} questions, ${refused} refused: ${out}\n`);
}

const today = new Date().toISOString().slice(0, 10);
await main(
  new Command('npm run house -- answers')
    .description('Write a digest of each answer to a fixed set of questions over a fixed ledger.')
    .requiredOption('--out <file>', 'where the digests go, one line for each question')
    .option(
      '--day <date>',
      'ledger and questions lie before this UTC day, at most five days ago',
      today,
    )
    .option('--root <folder>', 'a compiled copy of the project to ask', projectRoot)
    .parse()
    .opts<Options>(),
);
process.exit(0);

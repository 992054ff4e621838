// What the query benchmark runs on: one Postgres with two databases (90 days, and the last nine of
// them), an api process for each, and the bare server, all over the same mutual TLS 1.3.
import { mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import type { Client } from '@grpc/grpc-js';
import pg from 'pg';
import { type Child, startChild, waitUntilReady } from '../../deploy/local/engines/child.js';
import { ensureDatabase, prepareDatabase, roleUrl } from '../../deploy/local/engines/database.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { postgresUrl, startPostgres } from '../../deploy/local/engines/postgres-server.js';
import { ensureCertificates, type TlsFiles } from '../../deploy/local/secrets/certificates.js';
import { ensureCredentials } from '../../deploy/local/secrets/credentials.js';
import {
  environmentOf,
  NODE_OPTIONS,
  plainEnvironment,
} from '../../deploy/local/stack/services.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openCaller } from './query-load.js';
import { addUpSettled, seedDays, seedFreshness } from './query-seed.js';

export interface QuerySite {
  /** Callers of the api over 90 days, of the one over nine, and of the bare server. */
  readonly full: Client;
  readonly recent: Client;
  readonly bare: Client;
  /** Ten connections to the api over 90 days, and to the bare server. */
  readonly crowd: { readonly full: readonly Client[]; readonly bare: readonly Client[] };
  readonly answersDir: string;
  /** Until the api said that it is ready, with nothing else at work. */
  readonly readyMs: number;
  /** Resident memory of the api over 90 days, the highest so far, in MB. */
  peakMb(): number;
  /** Applies full batches to the 90 days for some seconds; resolves to events per second. */
  ingest(seconds: number): Promise<number>;
  stop(): Promise<void>;
}

/**
 * What is in the tables: `perDay` messages on each of `days`; the smaller database has the last
 * `lastDays` of them.
 */
export interface QueryTraffic {
  readonly days: readonly string[];
  readonly lastDays: number;
  readonly perDay: number;
  readonly dataAsOf: string;
}

const API = 'src/bin/api.js';
/**
 * A quarter of the memory of a small database host, as PostgreSQL's manual recommends; both
 * databases take 5 GB.
 */
const SHARED_BUFFERS = '1GB';

/**
 * Starts everything. A `dataDir` keeps the two databases: a later run with the same traffic need
 * not load them again.
 */
export async function startQuerySite(
  { days, lastDays, perDay, dataAsOf }: QueryTraffic,
  dataDir?: string,
): Promise<QuerySite> {
  const directory = dataDir ? resolve(dataDir) : await temporaryDirectory('bench-query');
  const credentials = ensureCredentials(directory);
  const tls = await ensureCertificates(join(directory, 'tls'));
  const [postgresPort = 0, apiPort = 0, recentPort = 0, barePort = 0, admin = 0, recentAdmin = 0] =
    await freePorts(6);
  const logDir = join(directory, 'logs');
  const answersDir = join(directory, 'answers');
  for (const one of [logDir, answersDir]) mkdirSync(one, { recursive: true });
  const children: Child[] = [];
  const stop = async () => {
    for (const child of children.reverse()) await child.stop();
  };
  const password = credentials.superuser;
  const postgresDir = join(directory, 'postgres');
  children.push(
    await startPostgres({
      port: postgresPort,
      dataDir: postgresDir,
      logDir,
      password,
      durable: true,
      sharedBuffers: SHARED_BUFFERS,
    }),
  );
  const server = postgresUrl(postgresPort, password);
  // Named by what is in them, and the second one by its last step, so that half a load is not taken
  // for a whole.
  const name = `${days[0]}_${days.length}_${perDay}`.replaceAll('-', '');
  const fullUrl = databaseUrl(server, `full_${name}`);
  const recentUrl = databaseUrl(server, `recent_${name}`);
  if (!(await hasDatabase(server, fullUrl))) {
    await ensureDatabase(server, `recent_${name}`);
    await prepareDatabase(recentUrl, credentials);
    await openLedgerDays(recentUrl);
    await seedFreshness(recentUrl, dataAsOf);
    await seedDays(recentUrl, days.slice(-lastDays), perDay);
    const loading = await copyDatabase(server, recentUrl, `loading_${name}`);
    await seedDays(loading, days.slice(0, -lastDays), perDay);
    await renameDatabase(server, loading, fullUrl);
  } else {
    for (const url of [recentUrl, fullUrl]) {
      await prepareDatabase(url, credentials);
      await analyze(url);
    }
  }
  for (const url of [recentUrl, fullUrl]) await addUpSettled(url);

  const launch = async (name: string, file: string, args: string[], env: NodeJS.ProcessEnv) => {
    const child = await startChild({
      name,
      command: process.execPath,
      args: [
        ...(file === API ? (NODE_OPTIONS.api ?? []) : []),
        join(projectRoot, 'dist', file),
        ...args,
      ],
      env: { ...plainEnvironment(), ...env },
      logFile: join(logDir, `${name}.log`),
    });
    children.push(child);
    return child;
  };
  const startApi = async (name: string, grpc: number, apiAdmin: number, databaseUrl: string) => {
    const ports = {
      grpc,
      apiAdmin,
      ingestAdmin: 0,
      nats: 0,
      postgres: postgresPort,
      clickhouse: 0,
    };
    const site = { dataDir: directory, ports, credentials, databaseUrl, tls };
    const startedMs = performance.now();
    const env = { ...environmentOf('api', site), LOG_LEVEL: 'warn' };
    const child = await launch(name, API, [], env);
    await ready(child, apiAdmin);
    return { child, readyMs: performance.now() - startedMs };
  };
  try {
    // What a load leaves behind is written now, not while the api starts.
    await asAdmin(server, (client) => client.query('CHECKPOINT'));
    const { child, readyMs } = await startApi('api', apiPort, admin, fullUrl);
    await startApi('recent', recentPort, recentAdmin, recentUrl);
    const bareArgs = bareArguments(barePort, tls, answersDir);
    const bare = await launch('bare', 'test/bench/query-bare.js', bareArgs, {});
    await waitUntilReady(bare, () => accepts(barePort));
    return {
      full: openCaller(apiPort, tls),
      recent: openCaller(recentPort, tls),
      bare: openCaller(barePort, tls),
      crowd: { full: openCrowd(apiPort, tls), bare: openCrowd(barePort, tls) },
      answersDir,
      readyMs,
      peakMb: () => peakMb(child.pid),
      async ingest(seconds) {
        const url = roleUrl(fullUrl, 'analytics_ingest', credentials);
        const args = [url, String(seconds)];
        const ingestion = await launch('ingestion', 'test/bench/query-ingestion.js', args, {});
        const how = await ingestion.exited;
        if (how !== 'exited with code 0') throw new Error(`ingestion ${how}: ${ingestion.tail()}`);
        return Number(
          readFileSync(join(logDir, 'ingestion.log'), 'utf8').trim().split('\n').at(-1),
        );
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function openCrowd(port: number, tls: TlsFiles): Client[] {
  return Array.from({ length: 10 }, () => openCaller(port, tls));
}

function bareArguments(port: number, tls: TlsFiles, answersDir: string): string[] {
  const own = tls.identities['sms-analytics'];
  return [String(port), own.key, own.cert, tls.ca, answersDir];
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function asAdmin<T>(server: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const nameIn = (url: string): string => new URL(url).pathname.slice(1);

function hasDatabase(server: string, url: string): Promise<boolean> {
  return asAdmin(server, async (client) => {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [nameIn(url)]);
    return found.rowCount === 1;
  });
}

async function copyDatabase(server: string, from: string, name: string): Promise<string> {
  await asAdmin(server, (client) =>
    client.query(`CREATE DATABASE ${name} TEMPLATE ${nameIn(from)}`),
  );
  return databaseUrl(server, name);
}

async function renameDatabase(server: string, from: string, to: string): Promise<void> {
  await asAdmin(server, (client) =>
    client.query(`ALTER DATABASE ${nameIn(from)} RENAME TO ${nameIn(to)}`),
  );
}

/** Whether somebody listens on a port of this machine. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** What a migration has just filled has no statistics yet. */
async function analyze(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('VACUUM ANALYZE');
  await client.end();
}

/**
 * The days that ingestion counts into; the seeded ones among them hold a message, as empty ones
 * would be missing.
 */
async function openLedgerDays(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SELECT create_ledger_days(1::smallint, current_date - 2, current_date + 2)');
  await client.query(
    `INSERT INTO ledger SELECT 1, day, gen_random_uuid(), now(), '-infinity', now(), 0, 1, 1, 0, 0, 0, NULL, 1,
       1, false, false, '', '', '', 'PENDING', '', 'seeded', 'account-1', '22801', 'EUR', 0.079
     FROM generate_series(current_date - 2, current_date - 1, '1 day') AS day`,
  );
  await client.end();
}

async function ready(child: Child, admin: number): Promise<void> {
  for (;;) {
    if (!child.running) throw new Error(`The api ended: ${child.tail()}`);
    const response = await fetch(`http://127.0.0.1:${admin}/readyz`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Resident memory of a process at its highest, in MB (VmHWM of proc(5)). */
function peakMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

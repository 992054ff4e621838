// The whole product for one test file, as processes on real engines: a NATS and a database of its
// own, certificates, `ops setup`, and then as many ingest and API processes as the test asks for.
// Nothing is imported from the services; they are the compiled binaries with the environment that
// the local stack gives them.

import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import pg from 'pg';
import { type Child, startChild, waitUntilReady } from '../../deploy/local/engines/child.js';
import { NATS_USERS, type NatsPasswords } from '../../deploy/local/engines/nats-server.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { ensureCertificates, type TlsFiles } from '../../deploy/local/secrets/certificates.js';
import type { Credentials } from '../../deploy/local/secrets/credentials.js';
import { type Site, serviceChild } from '../../deploy/local/stack/services.js';
import { Publisher } from '../../deploy/local/traffic/publisher.js';
import type { Publication } from '../../deploy/local/traffic/schedule.js';
import { ROLES } from '../../src/postgres/roles.js';
import type { Stored } from '../oracle/judge.js';
import { createDatabase, startNats, type TestDatabase, type TestNats } from './engines.js';
import { temporaryDirectory } from './temporary-directory.js';

const STREAM = 'SMS_EVENTS';

export interface TestSite {
  readonly site: Site;
  readonly nats: TestNats;
  readonly tls: TlsFiles;
  /** Reads everything, whatever the row-level security. */
  readonly database: pg.Pool;
  /**
   * Starts another process; resolves when it is ready. `env` is added to what the stack gives it.
   */
  start(service: 'ingest' | 'api', env?: Record<string, string>): Promise<Child>;
  /** Starts another process and does not wait for it. */
  spawn(
    service: 'ingest' | 'api',
    env?: Record<string, string>,
    args?: readonly string[],
  ): Promise<Child>;
  /** Runs the operators' command to its end; rejects with its last words where it fails. */
  ops(...args: string[]): Promise<string>;
  /** Publishes under the producers' credentials and waits for every acknowledgement. */
  publish(publications: Iterable<Publication>): Promise<void>;
  /** All that the stream holds, in its order. */
  stored(): Promise<Stored[]>;
  /**
   * Resolves when the serving durable has nothing pending and nothing unacknowledged; rejects after
   * `timeoutMs`.
   */
  drained(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The engines of a site; tests that take Postgres down, or change NATS's passwords, bring their
 * own.
 */
export async function createSite(given?: {
  database?: TestDatabase;
  nats?: TestNats;
}): Promise<TestSite> {
  const directory = await temporaryDirectory('site');
  const nats = given?.nats ?? (await startNats());
  const source = given?.database ?? (await createDatabase());
  const tls = await ensureCertificates(join(directory, 'tls'));
  const [grpc = 0, apiAdmin = 0, ingestAdmin = 0] = await freePorts(3);
  const { port: postgres } = new URL(source.superuserUrl);
  const ports = {
    grpc,
    apiAdmin,
    ingestAdmin,
    nats: nats.port,
    postgres: Number(postgres),
    clickhouse: 0,
  };
  const credentials = credentialsOf(source, nats);
  const site: Site = {
    dataDir: directory,
    ports,
    credentials,
    databaseUrl: source.superuserUrl,
    tls,
  };
  const database = new pg.Pool({ connectionString: source.superuserUrl, max: 2 });
  database.on('error', () => undefined);
  const children: Child[] = [];
  const launch = async (
    service: 'ingest' | 'api',
    env: Record<string, string>,
    args: readonly string[] = [],
  ) => {
    const launched = await startService(site, service, env, args, children.length);
    children.push(launched.child);
    return launched;
  };
  const self: TestSite = {
    site,
    nats,
    tls,
    database,
    start: async (service, env = {}) => {
      const { child, ready } = await launch(service, env);
      await waitUntilReady(child, ready, { timeoutMs: 180_000 });
      return child;
    },
    spawn: async (service, env = {}, args = []) => (await launch(service, env, args)).child,
    ops: (...args) => runOps(site, args),
    publish: (publications) => publishAll(nats, publications),
    stored: () => readStream(nats),
    drained: (timeoutMs = 180_000) => untilDrained(nats, database, timeoutMs),
    close: async () => {
      await Promise.all(children.map((child) => child.stop()));
      await database.end();
      await nats.stop();
    },
  };
  await self.ops('setup');
  return self;
}

function credentialsOf(source: TestDatabase, nats: TestNats): Credentials {
  const passwordOf = (url: string) => decodeURIComponent(new URL(url).password);
  const roles = Object.fromEntries(
    ROLES.map((role) => [role, passwordOf(source.url(role))]),
  ) as Credentials['roles'];
  const users = Object.fromEntries(
    NATS_USERS.map((user) => [user, passwordOf(nats.url(user))]),
  ) as NatsPasswords;
  return { superuser: passwordOf(source.superuserUrl), roles, nats: users };
}

async function startService(
  site: Site,
  service: 'ingest' | 'api',
  env: Record<string, string>,
  args: readonly string[],
  index: number,
): Promise<{ child: Child; ready: () => Promise<boolean> }> {
  const options = serviceChild(service, site, [...args]);
  const adminPort = service === 'api' ? site.ports.apiAdmin : (await freePorts(1))[0];
  const child = await startChild({
    ...options,
    env: { ...options.env, ADMIN_PORT: String(adminPort), ...env },
    logFile: join(site.dataDir, 'logs', `${service}-${index}.log`),
  });
  child.unref();
  const ready = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
  return { child, ready };
}

async function runOps(site: Site, args: string[]): Promise<string> {
  const child = await startChild(serviceChild('ops', site, args));
  const how = await child.exited;
  if (how !== 'exited with code 0') {
    throw new Error(`ops ${args.join(' ')} ${how}; its last lines:\n${child.tail()}`);
  }
  return child.tail(1_000);
}

async function publishAll(nats: TestNats, publications: Iterable<Publication>): Promise<void> {
  const publisher = await Publisher.connect({ billing: nats.url('billing'), dlr: nats.url('dlr') });
  for (const publication of publications) await publisher.publish(publication);
  await publisher.close();
}

async function asOps<T>(
  nats: TestNats,
  act: (connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const { host, password } = new URL(nats.url('ops'));
  const connection = await connect({ servers: host, user: 'ops', pass: password });
  try {
    return await act(connection);
  } finally {
    await connection.close();
  }
}

async function readStream(nats: TestNats): Promise<Stored[]> {
  return asOps(nats, async (connection) => {
    const manager = await connection.jetstreamManager();
    const { state } = await manager.streams.info(STREAM);
    const stored: Stored[] = [];
    if (state.messages === 0) return stored;
    const consumer = await connection.jetstream().consumers.get(STREAM);
    for await (const message of await consumer.consume()) {
      stored.push({
        subject: message.subject,
        contentType: message.headers?.get('content-type') ?? '',
        payload: Uint8Array.from(message.data),
        storedAt: Math.floor(message.info.timestampNanos / 1000),
      });
      if (message.seq >= state.last_seq) break;
    }
    return stored;
  });
}

/** Of the generation that serves. */
async function durableName(database: pg.Pool): Promise<string> {
  const { rows } = await database.query<{ durable: string }>(
    `SELECT durable FROM generation WHERE state = 'serving'`,
  );
  return rows[0]?.durable ?? '';
}

async function untilDrained(nats: TestNats, database: pg.Pool, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  await asOps(nats, async (connection) => {
    const manager = await connection.jetstreamManager();
    for (;;) {
      const durable = await durableName(database);
      const { num_pending, num_ack_pending } = await manager.consumers.info(STREAM, durable);
      if (num_pending === 0 && num_ack_pending === 0) return;
      if (Date.now() > deadline) {
        throw new Error(
          `after ${timeoutMs} ms: ${num_pending} pending, ${num_ack_pending} unacked`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
}

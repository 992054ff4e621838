// Real engines for test files. PostgreSQL and ClickHouse are shared by the run and give each file a
// database of its own; NATS is started per file, since the stream's name and the permissions are
// fixed (it takes 50 ms). Everything ends with the test file's process; nothing needs to be stopped
// by hand.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import type { Child } from '../../deploy/local/engines/child.js';
import {
  type ClickHouseOptions,
  startClickHouse as startClickHouseEngine,
} from '../../deploy/local/engines/clickhouse/clickhouse.js';
import { ensureDatabase, prepareDatabase, roleUrl } from '../../deploy/local/engines/database.js';
import { type NatsUser, natsUrl, startNatsServer } from '../../deploy/local/engines/nats-server.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import {
  postgresUrl,
  startPostgres as startEngine,
} from '../../deploy/local/engines/postgres-server.js';
import { randomCredentials } from '../../deploy/local/secrets/credentials.js';
import type { RoleName } from '../../src/postgres/roles.js';
import { temporaryDirectory } from './temporary-directory.js';

export interface TestDatabase {
  readonly superuserUrl: string;
  /** The URL for one login role: `url('analytics_ingest')`. */
  url(role: RoleName): string;
}

/**
 * An engine of a test file's own, which can be stopped, killed and started again at the same
 * address.
 */
export interface Restartable {
  stop(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

function freshName(): string {
  return `test_${randomBytes(6).toString('hex')}`;
}

/**
 * A database of its own with all roles and migrations, cloned from the run's template in some 50
 * ms.
 */
export async function createDatabase(): Promise<TestDatabase> {
  const { postgres, template, credentials } = inject('engines');
  const name = freshName();
  const client = new pg.Client({ connectionString: postgres });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  } finally {
    await client.end();
  }
  const url = new URL(postgres);
  url.pathname = `/${name}`;
  return {
    superuserUrl: url.href,
    url: (role) => roleUrl(url.href, role, credentials),
  };
}

/**
 * A PostgreSQL of the file's own, for tests that take it down; not durable against power failures.
 */
export async function startPostgres(): Promise<TestDatabase & Restartable & { port: number }> {
  const directory = await temporaryDirectory('postgres');
  const credentials = randomCredentials();
  const [port = 0] = await freePorts(1);
  const options = {
    port,
    dataDir: join(directory, 'postgres'),
    logDir: join(directory, 'logs'),
    password: credentials.superuser,
    durable: false,
  };
  const engine = await restartable(() => startEngine(options));
  const server = postgresUrl(port, credentials.superuser);
  const superuserUrl = await ensureDatabase(server, 'sms_analytics');
  await prepareDatabase(superuserUrl, credentials);
  return { ...engine, port, superuserUrl, url: (role) => roleUrl(superuserUrl, role, credentials) };
}

export interface TestNats extends Restartable {
  readonly port: number;
  /** Its store, for tests that put an older copy back; only touched while it is stopped. */
  readonly dataDir: string;
  /** nats://user:password@127.0.0.1:port of one user of deploy/nats/nats.conf. */
  url(user: NatsUser): string;
}

/** A NATS server of the file's own with the project's configuration; it has no stream yet. */
export async function startNats(): Promise<TestNats> {
  const directory = await temporaryDirectory('nats');
  const { nats: passwords } = randomCredentials();
  const [port = 0] = await freePorts(1);
  const dataDir = join(directory, 'nats');
  const logFile = join(directory, 'nats.log');
  const engine = await restartable(() => startNatsServer({ port, dataDir, logFile, passwords }));
  return { ...engine, port, dataDir, url: (user) => natsUrl(user, passwords, port) };
}

export interface TestClickHouse {
  readonly url: string;
  readonly database: string;
  /** Where it asks for one. */
  readonly password?: string;
}

/** A database name of the file's own in the run's ClickHouse; the database does not exist yet. */
export function createClickHouse(): TestClickHouse {
  return { url: inject('engines').clickhouse, database: freshName() };
}

/**
 * A ClickHouse of the file's own, for tests that take it down, want a password or a configuration;
 * it needs some 0.5 GB.
 */
export async function startClickHouse(
  more: Pick<ClickHouseOptions, 'password' | 'configFile'> = {},
): Promise<TestClickHouse & Restartable & { port: number }> {
  const directory = await temporaryDirectory('clickhouse');
  const [port = 0] = await freePorts(1);
  const dataDir = join(directory, 'data');
  const logFile = join(directory, 'clickhouse.log');
  const engine = await restartable(() =>
    startClickHouseEngine({ port, dataDir, logFile, ...more }),
  );
  return { ...engine, port, url: `http://127.0.0.1:${port}`, database: freshName() };
}

async function restartable(launch: () => Promise<Child>): Promise<Restartable> {
  const launchLoose = async () => {
    const started = await launch();
    started.unref();
    return started;
  };
  let child = await launchLoose();
  return {
    stop: () => child.stop(),
    async kill() {
      child.kill('SIGKILL');
      await child.exited;
    },
    async start() {
      if (!child.running) child = await launchLoose();
    },
  };
}

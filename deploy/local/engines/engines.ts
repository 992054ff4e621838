// The three engines of the local stack, started together: NATS, PostgreSQL (embedded, or the one
// that DATABASE_URL names) and ClickHouse. They come first on the way up and last on the way down.

import { join } from 'node:path';
import type { Credentials } from '../secrets/credentials.js';
import { Advice, hasEmbeddedEngines } from '../toolchain/project.js';
import { step } from '../toolchain/steps.js';
import { type Child, type ChildOptions, startChild } from './child.js';
import { startClickHouse } from './clickhouse/clickhouse.js';
import { checkForeignServer, ensureDatabase, prepareDatabase } from './database.js';
import { findNatsServer, startNatsServer } from './nats-server.js';
import type { Ports } from './ports.js';
import { postgresUrl, startPostgres } from './postgres-server.js';

export interface EngineOptions {
  readonly dataDir: string;
  readonly ports: Ports;
  readonly credentials: Credentials;
  /**
   * Is told of every engine as soon as it runs, so that a failure of another one leaves none
   * behind.
   */
  readonly started: (child: Child) => void;
}

/** Throws an `Advice` when this machine lacks an engine, before anything has been started. */
export function checkEngines(): void {
  findNatsServer();
  if (!hasEmbeddedEngines && !process.env.DATABASE_URL) {
    throw new Advice(
      `No embedded PostgreSQL for ${process.platform}-${process.arch}. ` +
        'Start PostgreSQL 18 yourself\n' +
        '(https://www.postgresql.org/download/) with an empty database, and run again with\n' +
        'DATABASE_URL=postgresql://superuser:password@127.0.0.1:5432/database',
    );
  }
}

/** Starts all three; resolves with the superuser's URL of a migrated database. */
export async function startEngines(options: EngineOptions): Promise<string> {
  const { dataDir, ports, credentials, started } = options;
  const logFile = (name: string) => join(dataDir, 'logs', `${name}.log`);
  const nats = step('NATS with JetStream', async () =>
    started(
      await startNatsServer({
        port: ports.nats,
        dataDir: join(dataDir, 'nats'),
        logFile: logFile('nats'),
        passwords: credentials.nats,
      }),
    ),
  );
  const clickhouse = step('ClickHouse', async () =>
    started(
      await startClickHouse({
        port: ports.clickhouse,
        dataDir: join(dataDir, 'clickhouse'),
        logFile: logFile('clickhouse'),
      }),
    ),
  );
  const database = startDatabase(options);
  const ended = await Promise.allSettled([nats, clickhouse, database]);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return database;
}

async function startDatabase(options: EngineOptions): Promise<string> {
  const { dataDir, ports, credentials, started } = options;
  const foreign = process.env.DATABASE_URL;
  if (foreign) {
    await step('PostgreSQL of DATABASE_URL', () => checkForeignServer(foreign));
    await step('Roles and migrations', () => prepareDatabase(foreign, credentials));
    return foreign;
  }
  await step('PostgreSQL', async () =>
    started(
      await startPostgres({
        port: ports.postgres,
        dataDir: join(dataDir, 'postgres'),
        logDir: join(dataDir, 'logs'),
        password: credentials.superuser,
        durable: true,
      }),
    ),
  );
  return step('Roles and migrations', async () => {
    const server = postgresUrl(ports.postgres, credentials.superuser);
    const url = await ensureDatabase(server, 'sms_analytics');
    await prepareDatabase(url, credentials);
    return url;
  });
}

/** Runs a child to its end; throws with its last lines when it did not end well. */
export async function runToEnd(options: ChildOptions): Promise<void> {
  const child = await startChild(options);
  const how = await child.exited;
  if (how !== 'exited with code 0') throw new Error(`${options.name} ${how}:\n${child.tail()}`);
}

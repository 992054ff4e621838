// The engines of the ingest benchmark: a durable PostgreSQL (synchronous_commit on, fsync on, as in
// production) and a NATS server of its own, with the service's schema, roles, stream and durable.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { connect, type NatsConnection } from 'nats';
import type pg from 'pg';
import { type Child, startChild } from '../../deploy/local/engines/child.js';
import { ensureDatabase, prepareDatabase, roleUrl } from '../../deploy/local/engines/database.js';
import { natsUrl, startNatsServer } from '../../deploy/local/engines/nats-server.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { postgresUrl, startPostgres } from '../../deploy/local/engines/postgres-server.js';
import { type Credentials, randomCredentials } from '../../deploy/local/secrets/credentials.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { recordStream } from '../../src/counting/guard/ingest-progress.js';
import { parseInstant } from '../../src/domain/time/instant.js';
import { openPool } from '../../src/postgres/open-pool.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

export interface BenchEngines {
  /** As the ingest role, one connection, with the options that the ingest binary uses. */
  readonly ingest: pg.Pool;
  readonly superuser: pg.Pool;
  readonly streamId: number;
  /** As the operator: publishes nothing. */
  readonly nats: NatsConnection;
  readonly billing: NatsConnection;
  /** Starts an ingest binary; resolves when it is running. */
  startIngest(): Promise<Child>;
  stop(): Promise<void>;
}

export async function startBenchEngines(): Promise<BenchEngines> {
  const directory = await temporaryDirectory('bench');
  const credentials: Credentials = randomCredentials();
  const [postgresPort = 0, natsPort = 0] = await freePorts(2);
  const logDir = path.join(directory, 'logs');
  mkdirSync(logDir, { recursive: true });
  const postgres = await startPostgres({
    port: postgresPort,
    dataDir: path.join(directory, 'postgres'),
    logDir,
    password: credentials.superuser,
    durable: true,
  });
  const nats = await startNatsServer({
    port: natsPort,
    dataDir: path.join(directory, 'nats'),
    logFile: path.join(logDir, 'nats.log'),
    passwords: credentials.nats,
  });
  const database = await ensureDatabase(postgresUrl(postgresPort, credentials.superuser), 'bench');
  await prepareDatabase(database, credentials);
  const ingestUrl = roleUrl(database, 'analytics_ingest', credentials);
  const options = '-c jit=off -c plan_cache_mode=force_generic_plan';
  const ingest = openPool({ reveal: () => ingestUrl }, { max: 1, options });
  const superuser = openPool({ reveal: () => database }, { max: 2 });
  const as = (user: 'ops' | 'billing') => connectAs(natsPort, user, credentials.nats[user]);
  const [ops, billing] = await Promise.all([as('ops'), as('billing')]);
  const env = { PATH: process.env.PATH, LOG_LEVEL: 'warn' };
  const opsEnv = {
    ...env,
    NATS_URL: natsUrl('ops', credentials.nats, natsPort),
    DATABASE_URL: roleUrl(database, 'analytics_ops', credentials),
  };
  const bin = (name: string) => path.join(projectRoot, 'dist/src/bin', `${name}.js`);
  const setup = await startChild({
    name: 'ops',
    command: process.execPath,
    args: [bin('ops'), 'setup'],
    env: opsEnv,
    logFile: path.join(logDir, 'ops.log'),
  });
  const how = await setup.exited;
  if (how !== 'exited with code 0') throw new Error(`ops setup ${how}: ${setup.tail()}`);
  const info = await (await ops.jetstreamManager()).streams.info('SMS_EVENTS');
  const streamId = await recordStream(ingest, 'SMS_EVENTS', parseInstant(info.created) ?? 0);
  await superuser.query(
    `SELECT create_ledger_days(1::smallint, current_date - 50, current_date + 2)`,
  );
  const children: Child[] = [];
  return {
    ingest,
    superuser,
    streamId,
    nats: ops,
    billing,
    async startIngest() {
      const child = await startChild({
        name: 'ingest',
        command: process.execPath,
        args: [bin('ingest')],
        env: {
          ...env,
          NATS_URL: natsUrl('ingest', credentials.nats, natsPort),
          DATABASE_URL: ingestUrl,
          ADMIN_PORT: '0',
        },
        logFile: path.join(logDir, `ingest-${children.length}.log`),
      });
      children.push(child);
      return child;
    },
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
      await Promise.all([ops.close(), billing.close(), ingest.end(), superuser.end()]);
      await Promise.all([nats.stop(), postgres.stop()]);
    },
  };
}

function connectAs(port: number, user: string, pass: string): Promise<NatsConnection> {
  const inboxPrefix = user === 'ops' ? '_INBOX_OPS' : '_INBOX';
  return connect({ servers: `127.0.0.1:${port}`, user, pass, inboxPrefix });
}

/** Largest resident memory of a process so far, in MB (VmHWM of proc(5)). */
export function peakMemoryMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

// Once per vitest run that has integration, end-to-end or fault tests: compiles what those tests
// start as processes, and starts one PostgreSQL with a migrated template database and one
// ClickHouse for all test files. Everything lies in one temporary directory and is ended by the
// guard even when vitest is killed.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startClickHouse } from '../../deploy/local/engines/clickhouse/clickhouse.js';
import { ensureDatabase, prepareDatabase } from '../../deploy/local/engines/database.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { postgresUrl, startPostgres } from '../../deploy/local/engines/postgres-server.js';
import { type Credentials, randomCredentials } from '../../deploy/local/secrets/credentials.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import { temporaryDirectory } from './temporary-directory.js';

/** What test files need to reach the shared engines. */
export interface SharedEngines {
  readonly credentials: Credentials;
  /** The superuser's URL of the server's maintenance database. */
  readonly postgres: string;
  /** A migrated database that nobody connects to; new ones are cloned from it. */
  readonly template: string;
  readonly clickhouse: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    engines: SharedEngines;
  }
}

const TEMPLATE = 'template_migrated';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  compile();
  const directory = await temporaryDirectory('engines');
  const credentials = randomCredentials();
  const [postgresPort = 0, clickhousePort = 0] = await freePorts(2);
  const [postgres, clickhouse] = await Promise.all([
    startPostgres({
      port: postgresPort,
      dataDir: join(directory, 'postgres'),
      logDir: join(directory, 'logs'),
      password: credentials.superuser,
      durable: false,
    }),
    startClickHouse({
      port: clickhousePort,
      dataDir: join(directory, 'clickhouse'),
      logFile: join(directory, 'logs/clickhouse.log'),
    }),
  ]);
  const server = postgresUrl(postgresPort, credentials.superuser);
  await prepareDatabase(await ensureDatabase(server, TEMPLATE), credentials);
  project.provide('engines', {
    credentials,
    postgres: server,
    template: TEMPLATE,
    clickhouse: `http://127.0.0.1:${clickhousePort}`,
  });
  return async () => {
    await Promise.all([postgres.stop(), clickhouse.stop()]);
  };
}

/** Test files start services and the ClickHouse front as compiled programs. */
function compile(): void {
  const script = join(projectRoot, 'deploy/local/toolchain/bootstrap.mjs');
  const done = spawnSync(process.execPath, [script, 'build'], { stdio: ['ignore', 2, 2] });
  if (done.status !== 0) {
    process.stderr.write(
      'The sources do not compile; the tests go on with what was compiled last.\n',
    );
  }
}

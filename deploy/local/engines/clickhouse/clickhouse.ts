// ClickHouse for the local stack and the tests: the engine in one child process of its own, behind
// an HTTP front (clickhouse-front), because one process owns the data directory. What talks to it
// knows only HTTP.

import { mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { projectRoot } from '../../toolchain/project.js';
import { type Child, startChild, waitUntilReady } from '../child.js';

export interface ClickHouseOptions {
  readonly port: number;
  readonly dataDir: string;
  readonly logFile: string;
  /** Asked of every user; absent: nobody is asked. */
  readonly password?: string;
  /** A server configuration of ClickHouse. */
  readonly configFile?: string;
}

/** Starts ClickHouse on 127.0.0.1 and returns when it answers a ping. */
export async function startClickHouse(options: ClickHouseOptions): Promise<Child> {
  const { password, configFile } = options;
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const child = await startChild({
    name: 'clickhouse',
    command: process.execPath,
    args: [
      join(projectRoot, 'dist/deploy/local/engines/clickhouse/clickhouse-front.js'),
      ...['--port', String(options.port), '--data-dir', options.dataDir],
      ...(configFile === undefined ? [] : ['--config-file', configFile]),
    ],
    env: { ...process.env, ...(password && { CLICKHOUSE_FRONT_PASSWORD: password }) },
    logFile: options.logFile,
  });
  await waitUntilReady(child, () => pings(`http://127.0.0.1:${options.port}/ping`));
  return child;
}

function pings(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}

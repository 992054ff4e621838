// `anlyt-etl` as a scheduler starts it: the compiled binary with a given environment, its exit code
// and its words.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import type { Ends } from '../../../src/copy/sessions.js';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs it to its end. It ends with this process at the latest. */
export async function anlytEtl(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn(process.execPath, [join(projectRoot, 'dist/src/bin/etl.js'), ...args], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'error', EXIT_WITH_PARENT: 'on', ...env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

/** The environment that names the two ends. */
export function environmentOf({ databaseUrl, warehouse, target }: Ends): NodeJS.ProcessEnv {
  return {
    DATABASE_URL: databaseUrl,
    CLICKHOUSE_URL: warehouse.url,
    CLICKHOUSE_DATABASE: target.database,
  };
}

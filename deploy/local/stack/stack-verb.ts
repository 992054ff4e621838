// What `npm run ops`, `npm run etl` and `npm run ingest` do: the compiled binary, with the
// environment of the running local stack unless the caller has set another one (to work on a real
// deployment).

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureCredentials } from '../secrets/credentials.js';
import { projectRoot } from '../toolchain/project.js';
import { say } from '../toolchain/steps.js';
import { readAddressBook } from './address-book.js';
import { environmentOf, type Site } from './services.js';

/** Runs the binary to its end and exits with its code. */
export async function runWithStack(service: 'ops' | 'etl' | 'ingest'): Promise<never> {
  const environment = stackEnvironment(service);
  const child = spawn(
    process.execPath,
    [join(projectRoot, `dist/src/bin/${service}.js`), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...environment, ...process.env } },
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  const code = await new Promise<number>((resolve) => {
    child.once('error', (error) => {
      say(error.message);
      resolve(1);
    });
    child.once('exit', (status) => resolve(status ?? 1));
  });
  process.exit(code);
}

/**
 * The running stack's settings for that binary; none when no stack runs, and the binary then says
 * what it lacks.
 */
function stackEnvironment(service: 'ops' | 'etl' | 'ingest'): Record<string, string> {
  const book = readAddressBook();
  if (!book) return {};
  const port = (url: string) => Number(new URL(url).port);
  const site = {
    dataDir: book.dataDir,
    credentials: ensureCredentials(book.dataDir),
    databaseUrl: book.postgres,
    // A second ingest beside the stack's own: any free port for its metrics.
    ports: { nats: port(book.nats.ops), clickhouse: port(book.clickhouse), ingestAdmin: 0 },
  } as Site;
  return environmentOf(service, { ...site, tls: { ca: book.tls.ca, identities: {} } } as Site);
}

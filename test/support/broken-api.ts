// The api process with lines of its compiled program replaced, beside the whole one and on the same
// database: for tests of what is left when a layer is broken. A copy is changed, never the program
// itself; a line that is not there exactly once fails the test, so that no mutation gets lost when
// the source changes.

import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild, waitUntilReady } from '../../deploy/local/engines/child.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { serviceChild } from '../../deploy/local/stack/services.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';
import type { ApiProcess } from './api-process.js';
import { temporaryDirectory } from './temporary-directory.js';

/** A piece of a compiled file, and what stands there instead. */
export interface Break {
  /** Below `src`, without extension. */
  readonly file: string;
  readonly line: string;
  readonly instead: string;
}

/** Starts it with everything as `whole` has it but the ports; resolves when it is ready. */
export async function startBrokenApi(
  whole: ApiProcess,
  breaks: readonly Break[],
): Promise<{ readonly target: string; readonly child: Child }> {
  const directory = await temporaryDirectory('broken-api');
  cpSync(join(projectRoot, 'dist/src'), join(directory, 'dist/src'), { recursive: true });
  cpSync(join(projectRoot, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(projectRoot, 'node_modules'), join(directory, 'node_modules'));
  for (const { file, line, instead } of breaks) {
    const path = join(directory, 'dist/src', `${file}.js`);
    const pieces = readFileSync(path, 'utf8').split(line);
    if (pieces.length !== 2) throw new Error(`${file} has not once: ${line}`);
    writeFileSync(path, pieces.join(instead));
  }
  const [grpc = 0, admin = 0] = await freePorts(2);
  const options = serviceChild('api', whole.site.site);
  const program = join(projectRoot, 'dist/src/bin/api.js');
  const child = await startChild({
    ...options,
    args: options.args.map((arg) =>
      arg === program ? join(directory, 'dist/src/bin/api.js') : arg,
    ),
    env: {
      ...options.env,
      GRPC_PORT: String(grpc),
      ADMIN_PORT: String(admin),
      TLS_CERT_FILE: whole.folder.certFile,
      TLS_KEY_FILE: whole.folder.keyFile,
      TLS_CA_FILE: whole.folder.caFile,
    },
    logFile: join(directory, 'api.log'),
  });
  const ready = async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
  await waitUntilReady(child, ready, { timeoutMs: 180_000 });
  return { target: `localhost:${grpc}`, child };
}

// Directories for one test run: gone when the process that asked for them is gone, even after a
// crash, and reachable for the unprivileged user that PostgreSQL runs as when the tests run as
// root.

import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAtEnd } from '../../deploy/local/engines/child.js';
import { reachable } from '../../deploy/local/engines/postgres-binaries.js';

/** A fresh, empty directory whose name starts with `sms-analytics-<purpose>-`. */
export async function temporaryDirectory(purpose: string): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const parent = isRoot && !(await reachable(tmpdir())) ? '/tmp' : tmpdir();
  const directory = await mkdtemp(join(parent, `sms-analytics-${purpose}-`));
  if (isRoot) await chmod(directory, 0o711);
  removeAtEnd(directory);
  return directory;
}

// Where the project lies, whether this file runs compiled (dist/deploy/local) or from source
// (tests), and the error whose message is meant for the person at the keyboard: it is printed as it
// is, without a stack.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('package.json of the project not found');
    directory = parent;
  }
  return directory;
}

/** The project's root directory (that of package.json), absolute. */
export const projectRoot = findRoot();

/**
 * A failure that the person who typed the command can cure; the message says what happened and what
 * to do.
 */
export class Advice extends Error {
  override readonly name = 'Advice';
}

/** True on the one platform whose engines come from npm. */
export const hasEmbeddedEngines = process.platform === 'linux' && process.arch === 'x64';

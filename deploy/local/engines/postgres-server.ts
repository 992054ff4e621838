// The embedded PostgreSQL: a cluster made on first start, started on 127.0.0.1 only, with a
// password. After a `kill -9` of the whole stack the next start recovers: an orphaned server of the
// same data directory is ended first, and a lock file that names somebody else's process is
// removed.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { Advice } from '../toolchain/project.js';
import { type Child, removeAtEnd, startChild, waitUntilReady } from './child.js';
import {
  postgresBinaries,
  reachable,
  reachablePlace,
  type UnixUser,
  unprivilegedUser,
} from './postgres-binaries.js';

export interface PostgresOptions {
  readonly port: number;
  /**
   * Holds the cluster, or, where the unprivileged user cannot go, a file that says where the
   * cluster lies.
   */
  readonly dataDir: string;
  readonly logDir: string;
  readonly password: string;
  /**
   * False for tests: nothing is synced to disk, so it is faster and does not survive a power
   * failure.
   */
  readonly durable: boolean;
  /**
   * What the server keeps of its tables in memory (shared_buffers); 256MB where nothing else is
   * said, 128MB for tests.
   */
  readonly sharedBuffers?: string;
}

const DURABLE = ['shared_buffers=256MB', 'max_wal_size=1GB'];
const FLEETING = [
  'shared_buffers=128MB',
  'fsync=off',
  'full_page_writes=off',
  'autovacuum_naptime=10s',
];

/**
 * Sessions of a killed server end with what they are doing; until then it does not start again, and
 * says so.
 */
const ORPHANS = 'pre-existing shared memory block';
const ORPHANS_END_MS = 60_000;

/** Starts PostgreSQL and returns when it answers a query. Its superuser is `postgres`. */
export async function startPostgres(options: PostgresOptions): Promise<Child> {
  const user = await unprivilegedUser();
  const native = await postgresBinaries(user);
  const cluster = await clusterDirectory(options.dataDir, user);
  const bin = (name: string) => join(native, 'bin', name);
  const common = { user, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } };
  if (!existsSync(join(cluster, 'PG_VERSION'))) {
    await createCluster(bin('initdb'), cluster, user, options, common);
  }
  if (!options.durable && dirname(cluster) !== options.dataDir) removeAtEnd(dirname(cluster));
  await endOrphan(cluster);
  const settings = [
    ...['listen_addresses=127.0.0.1', `port=${options.port}`, 'unix_socket_directories='],
    ...['max_connections=200', 'timezone=UTC', 'log_timezone=UTC'],
    ...(options.durable ? DURABLE : FLEETING),
    ...(options.sharedBuffers ? [`shared_buffers=${options.sharedBuffers}`] : []),
  ];
  const launch = () =>
    startChild({
      ...common,
      name: 'postgres',
      command: bin('postgres'),
      args: ['-D', cluster, ...settings.flatMap((setting) => ['-c', setting])],
      logFile: join(options.logDir, 'postgres.log'),
      stopSignal: 'SIGINT',
    });
  const url = postgresUrl(options.port, options.password);
  for (const deadline = Date.now() + ORPHANS_END_MS; ; ) {
    const child = await launch();
    try {
      await waitUntilReady(child, () => answers(url));
      return child;
    } catch (error) {
      if (!child.tail().includes(ORPHANS) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** The superuser's URL of the embedded server. */
export function postgresUrl(port: number, password: string, database = 'postgres'): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Where the cluster lies; the directory's parent exists and the user may go through it. */
async function clusterDirectory(dataDir: string, user: UnixUser | undefined): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const here = join(dataDir, 'cluster');
  if (!user || (await reachable(dataDir))) return here;
  const pointer = join(dataDir, 'cluster.location');
  const known = await readFile(pointer, 'utf8').catch(() => undefined);
  if (known && existsSync(known)) return known;
  const place = await reachablePlace(`cluster-${randomBytes(6).toString('hex')}`);
  await writeFile(pointer, join(place, 'cluster'));
  return join(place, 'cluster');
}

/**
 * initdb beside the place, moved there when complete: a start that is killed leaves no half
 * cluster.
 */
async function createCluster(
  initdb: string,
  cluster: string,
  user: UnixUser | undefined,
  options: PostgresOptions,
  common: { user: UnixUser | undefined; cwd: string; env: NodeJS.ProcessEnv },
): Promise<void> {
  const fresh = `${cluster}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  const passwordFile = join(dirname(cluster), '.initial-password');
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, options.password, { mode: 0o600, flag: 'wx' });
  if (user) {
    await chown(fresh, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const child = await startChild({
    ...common,
    name: 'initdb',
    command: initdb,
    args: [
      ...['-D', fresh, '-U', 'postgres', '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
      ...['--encoding', 'UTF8', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
      ...['--no-locale', '--no-instructions', ...(options.durable ? [] : ['--no-sync'])],
    ],
    logFile: join(options.logDir, 'initdb.log'),
  });
  const how = await child.exited;
  await rm(passwordFile, { force: true });
  if (how !== 'exited with code 0') {
    throw new Advice(`Creating the PostgreSQL cluster failed (initdb ${how}):\n${child.tail()}`);
  }
  await rename(fresh, cluster);
}

/**
 * Ends a server that a killed stack left on this cluster; forgets a lock file of a process that is
 * none.
 */
async function endOrphan(cluster: string): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const command = () => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const ours = async () => (await command()).includes(cluster);
  if (!(await ours())) {
    await rm(file, { force: true });
    return;
  }
  process.kill(pid, 'SIGINT');
  for (let waitedMs = 0; (await ours()) && waitedMs < 10_000; waitedMs += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (await ours()) process.kill(pid, 'SIGKILL');
}

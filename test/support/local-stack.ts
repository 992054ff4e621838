// The local stack as a person starts it, for end-to-end tests: a process whose words are read,
// whose address book is used, and which is ended by signals. Ended with the test's process at the
// latest.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { AddressBook } from '../../deploy/local/stack/address-book.js';
import { projectRoot } from '../../deploy/local/toolchain/project.js';

export interface LocalStack {
  readonly process: ChildProcess;
  /** All it has said so far. */
  readonly said: () => string;
  /** Resolves with the match when it has said this; rejects when it ends first. */
  readonly says: (pattern: RegExp, timeoutMs?: number) => Promise<RegExpMatchArray>;
  /** Resolves with its exit code; a number above 128 for a signal. */
  readonly ended: Promise<number>;
  readonly book: () => AddressBook;
}

/**
 * Runs `npm start -- <args>`, with `direct` without npm in between, on this data directory and on
 * free ports.
 */
export function startLocalStack(dataDir: string, args: string[], direct = false): LocalStack {
  const options = ['--ports', 'auto', '--data-dir', dataDir, ...args];
  const [command, ...words] = direct
    ? [
        process.execPath,
        join(projectRoot, 'deploy/local/toolchain/bootstrap.mjs'),
        'start',
        ...options,
      ]
    : ['npm', 'start', '--', ...options];
  const child = spawn(command ?? '', words, {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      // A stack of the developer's own may be running, and is to be found where it was.
      STACK_ADDRESS_BOOK: join(dataDir, 'shared-stack.json'),
      ...{ DATABASE_URL: '', NODE_OPTIONS: '', VITEST: '', NODE_ENV: '' },
    },
  });
  let text = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  let over = false;
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      over = true;
      for (const listener of listeners) listener();
      resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
    });
  });
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  void ended.then(() => process.removeListener('exit', onExit));
  const says = (pattern: RegExp, timeoutMs = 180_000) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const finish = (act: () => void) => {
        listeners.delete(look);
        clearTimeout(timer);
        act();
      };
      const fail = (why: string) => finish(() => reject(new Error(`${why} ${pattern}:\n${text}`)));
      const timer = setTimeout(() => fail(`not said in ${timeoutMs} ms`), timeoutMs);
      function look(): void {
        const match = text.match(pattern);
        if (match) finish(() => resolve(match));
        else if (over) fail('ended before it said');
      }
      listeners.add(look);
      look();
    });
  const book = () => JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8')) as AddressBook;
  return { process: child, said: () => text, says, ended, book };
}

/** Those of these processes that still run. */
export function survivors(pids: Readonly<Record<string, number>>): string[] {
  return Object.entries(pids)
    .filter(([, pid]) => {
      try {
        process.kill(pid, 0);
        return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
      } catch {
        return false;
      }
    })
    .map(([name]) => name);
}

/** Every port of the address book that still takes connections. */
export async function openPorts(book: AddressBook): Promise<number[]> {
  const urls = [`http://${book.grpc}`, ...Object.values(book.admin), book.nats.ops, book.postgres];
  const ports = [...urls, book.clickhouse].map((url) => Number(new URL(url).port));
  const open = await Promise.all(ports.map(takesConnections));
  return ports.filter((_port, index) => open[index]);
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

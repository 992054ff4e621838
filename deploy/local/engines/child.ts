// One child process of the local stack: started in a process group of its own (so that Ctrl-C
// reaches only the stack, which then stops its children in order), writing to a log file, watched
// by the guard. Invariant: a child that was started here is stopped here, or by the guard when this
// process is killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../toolchain/project.js';

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Run as this user; only possible for root. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** True: its stderr goes to this terminal, only its stdout to the log. */
  readonly terminal?: boolean;
  /** What ends it in good order; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /**
   * Resolves, never rejects, with a sentence on how it ended: "exited with code 1", "was ended by
   * SIGKILL".
   */
  readonly exited: Promise<string>;
  readonly running: boolean;
  /** The last lines of its log. */
  tail(lines?: number): string;
  /**
   * Ends it: the stop signal, and SIGKILL when it has not ended after `graceMs` (10,000).
   * Repeatable.
   */
  stop(graceMs?: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Lets this process end while the child runs; the guard ends the child then. */
  unref(): void;
}

let guard: ChildProcess | undefined;

function tellGuard(line: string): void {
  if (!guard || guard.exitCode !== null || guard.stdin?.destroyed) {
    guard = spawn(process.execPath, [join(projectRoot, 'deploy/local/engines/guard.mjs')], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    });
    guard.stdin?.on('error', () => {});
    guard.unref();
    const pipe = guard.stdin as unknown as { unref?: () => void } | null;
    pipe?.unref?.();
  }
  guard.stdin?.write(`${line}\n`);
}

/** Has the guard remove this directory after this process is gone, however it goes. */
export function removeAtEnd(directory: string): void {
  tellGuard(`remove ${directory}`);
}

/** Starts a process; throws when it cannot be started at all (no such file, no permission). */
export async function startChild(options: ChildOptions): Promise<Child> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'w', 0o600);
  const stopSignal = options.stopSignal ?? 'SIGTERM';
  const child = spawn(options.command, [...options.args], {
    cwd: options.cwd ?? projectRoot,
    env: options.env ?? process.env,
    stdio: ['ignore', log, options.terminal ? 'inherit' : log],
    detached: true,
    ...(options.user ? { uid: options.user.uid, gid: options.user.gid } : {}),
  });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not run: ${error.message}`));
    child.once('exit', (code, signal) =>
      resolve(signal ? `was ended by ${signal}` : `exited with code ${code}`),
    );
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.name}: ${await exited}`);
  tellGuard(`watch ${pid} ${stopSignal}`);
  void exited.then(() => tellGuard(`forget ${pid}`));
  return {
    name: options.name,
    pid,
    logFile: options.logFile,
    exited,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    tail: (lines = 15) => tailOf(options.logFile, lines),
    kill: (signal) => void child.kill(signal),
    unref: () => child.unref(),
    async stop(graceMs = 10_000) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function tailOf(file: string, lines: number): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

/**
 * Waits until `probe` resolves to true, asking every `everyMs`; throws with the child's last words
 * when it ends first, or when `timeoutMs` have passed.
 */
export async function waitUntilReady(
  child: Child,
  probe: () => Promise<boolean>,
  { timeoutMs = 60_000, everyMs = 25 } = {},
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let ended: string | undefined;
  void child.exited.then((how) => {
    ended = how;
  });
  for (;;) {
    if (await probe().catch(() => false)) return;
    if (ended !== undefined) {
      throw new Error(`${child.name} ${ended} while starting; its last lines:\n${child.tail()}`);
    }
    if (Date.now() > deadline) {
      await child.stop(2_000);
      throw new Error(
        `${child.name} was not ready after ${timeoutMs / 1000} s; its last lines:\n${child.tail()}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

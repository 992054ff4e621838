// The life of a process: start, run until a signal, stop in order, exit. Stop steps run one after
// another in reverse order of registration (what was started last stops first) under one time
// limit; a later second signal, an unhandled rejection or the limit end the process at once with
// code 1.
import { systemClock as clock } from './clock.js';
import { type Log, printable } from './log.js';

/** What a binary uses to say how it is stopped. */
export interface Lifecycle {
  /**
   * Registers a stop step. Steps run in reverse order; a step that fails is logged and does not
   * stop the others.
   */
  onStop(step: string, stop: () => Promise<void> | void): void;
  /** Aborts when stopping begins: loops and long waits listen to it. */
  readonly stopping: AbortSignal;
  /**
   * Begins to stop, as a signal would. `exitCode` is what the process ends with, also where
   * stopping has begun.
   */
  stop(reason: string, exitCode?: number): void;
}

export interface LifecycleOptions {
  readonly log: Log;
  /** Longest time for all stop steps together. */
  readonly stopTimeoutMs?: number;
  /** Stop when standard input closes: the parent has died. */
  readonly exitWithParent?: boolean;
}

const STOP_TIMEOUT_MS = 25_000;
/**
 * A Ctrl-C reaches a process from its terminal and again from its parent: within this time it is
 * one signal.
 */
const ECHO_MS = 1_000;

/**
 * Runs `start` and then waits for a signal. Never returns: it ends the process, with 0 after an
 * orderly stop.
 */
export function runProcess(
  options: LifecycleOptions,
  start: (lifecycle: Lifecycle) => Promise<void>,
): void {
  const { log } = options;
  const steps: { step: string; stop: () => Promise<void> | void }[] = [];
  const stopping = new AbortController();
  let stoppingSinceMs = 0;
  let endCode = 0;

  const stop = (reason: string, exitCode = 0): void => {
    if (exitCode !== 0) endCode = exitCode;
    if (stopping.signal.aborted) return;
    stoppingSinceMs = clock.monotonicMs();
    log.info('stopping', { reason });
    setTimeout(() => {
      log.fatal('stopping took too long', { reason });
      process.exit(1);
    }, options.stopTimeoutMs ?? STOP_TIMEOUT_MS).unref();
    stopping.abort();
    void runSteps(steps, log).then((failures) => {
      log.info('stopped', { reason });
      process.exit(failures > 0 ? 1 : endCode);
    });
  };

  const onSignal = (signal: NodeJS.Signals) => {
    const impatient = stopping.signal.aborted && clock.monotonicMs() - stoppingSinceMs > ECHO_MS;
    if (impatient) process.exit(1);
    stop(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', (error) => crash(log, 'uncaught exception', error));
  process.on('unhandledRejection', (error) => crash(log, 'unhandled rejection', error));
  if (options.exitWithParent) watchParent(() => stop('parent gone'));

  const lifecycle: Lifecycle = {
    onStop: (step, stopStep) => void steps.push({ step, stop: stopStep }),
    stopping: stopping.signal,
    stop,
  };
  start(lifecycle).catch((error: unknown) => {
    log.fatal('could not start', { error });
    process.stderr.write(`${startFailure(error)}\n`);
    if (!stopping.signal.aborted) stop('could not start', 1);
  });
}

/** What people read on standard error when a start fails. */
function startFailure(error: unknown): string {
  return error instanceof Error ? error.message.split('\n').map(printable).join('\n') : 'failed';
}

async function runSteps(
  steps: readonly { step: string; stop: () => Promise<void> | void }[],
  log: Log,
): Promise<number> {
  let failures = 0;
  for (const { step, stop } of steps.toReversed()) {
    try {
      await stop();
    } catch (error) {
      failures += 1;
      log.error('stop step failed', { step, error });
    }
  }
  return failures;
}

function crash(log: Log, event: string, error: unknown): never {
  log.fatal(event, { error });
  process.exit(1);
}

/**
 * Calls `gone` once standard input has ended. The parent holds the other end open for as long as it
 * lives.
 */
export function watchParent(gone: () => void): void {
  process.stdin.once('end', gone);
  process.stdin.once('close', gone);
  process.stdin.on('error', gone);
  process.stdin.resume();
  process.stdin.unref?.();
}

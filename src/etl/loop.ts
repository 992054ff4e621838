/**
 * `--loop`: a run every period, measured from start to start. A run that takes longer delays the next one, it never
 * overlaps it. What may pass by itself is logged and tried again; everything else ends the loop.
 */
import { type Clock, pause } from '../platform/clock.js';
import type { Log } from '../platform/log.js';
import { canPass } from './exit-code.js';
import type { RunResult } from './run.js';

/** Runs until `stopping` aborts. Rejects with the first failure that waiting cannot cure. */
export async function runLoop(
  periodMs: number,
  run: () => Promise<RunResult>,
  log: Log,
  clock: Clock,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      await run();
    } catch (error) {
      if (!canPass(error)) throw error;
      log.warn('run failed and will be repeated', { error });
    }
    await pause(Math.max(0, periodMs - (clock.monotonicMs() - startedMs)), stopping);
  }
}

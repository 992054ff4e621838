// `--loop`: a run every period, measured from start to start. A run that takes longer delays the
// next one, it never overlaps it. What may pass by itself is logged and tried again; everything
// else ends the loop, a difference that sending again has not cured among it: only a person can say
// which side is right.
import { type Clock, pause } from '../platform/clock.js';
import type { Log } from '../platform/log.js';
import { canPass } from './exit-code.js';
import type { RunResult } from './run.js';

/**
 * Runs until `stopping` aborts or the two sides differ. Rejects with the first failure that waiting
 * cannot cure, and with any failure of a run after which there is none any more.
 */
export async function runLoop(
  periodMs: number,
  run: () => Promise<RunResult>,
  log: Log,
  clock: Clock,
  stopping: AbortSignal,
): Promise<'stopped' | 'mismatch'> {
  while (!stopping.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      const { outcome } = await run();
      if (outcome === 'mismatch') return 'mismatch';
    } catch (error) {
      if (!canPass(error) || stopping.aborted) throw error;
      log.warn('run failed and will be repeated', { error });
    }
    await pause(Math.max(0, periodMs - (clock.monotonicMs() - startedMs)), stopping);
  }
  return 'stopped';
}

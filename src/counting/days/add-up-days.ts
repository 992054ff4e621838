// Beside counting: days that are over are added up for questions about accounts (add-up-day.ts). A
// day waits until nothing has changed it for a round, since its sums are worth nothing after the
// next receipt; answers are right without them, only slower.
import type { Pool } from 'pg';
import { type EpochDay, formatDay } from '../../domain/time/instant.js';
import { pause } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';
import { addUpDay, daysToAddUp } from './add-up-day.js';

export interface AddUpOptions {
  readonly pool: Pool;
  readonly generation: number;
  readonly stopping: AbortSignal;
  readonly log: Log;
  readonly monotonicMs: () => number;
  /** Between two rounds, and as long as a day must have been the same. */
  readonly intervalMs?: number;
  /**
   * Told how many days are over and not added up, as each round finds them and with each day that
   * is done.
   */
  readonly observe: (dueCount: number) => void;
}

const INTERVAL_MS = 60_000;
/**
 * Of the time that one day took, before the next one: Postgres has better things to do, months of
 * days after an upgrade too.
 */
const REST = 9;

/** Adds up until stopping; failures are logged, and the next round tries again. */
export async function addUpDays(options: AddUpOptions): Promise<void> {
  const { stopping, log, intervalMs = INTERVAL_MS } = options;
  let seen = new Map<EpochDay, bigint>();
  while (!stopping.aborted) {
    // First of all: a process that has just begun has its backlog to count.
    await pause(intervalMs, stopping);
    if (stopping.aborted) return;
    try {
      seen = await addUpUnchanged({ ...options, intervalMs }, seen);
    } catch (error) {
      log.warn('days not added up', { error });
    }
  }
}

/**
 * Adds up the due days that are what they were when `seen`; resolves to those left, as seen now.
 */
async function addUpUnchanged(
  { pool, generation, stopping, log, monotonicMs, intervalMs, observe }: Required<AddUpOptions>,
  seen: ReadonlyMap<EpochDay, bigint>,
): Promise<Map<EpochDay, bigint>> {
  const due = await daysToAddUp(pool, generation);
  const left = new Map(due.map(({ day, version }) => [day, version]));
  observe(left.size);
  for (const { day, version } of due) {
    if (stopping.aborted) break;
    if (seen.get(day) !== version) continue;
    const beganMs = monotonicMs();
    const rest = () => REST * (monotonicMs() - beganMs);
    try {
      if (await addUpDay(pool, generation, day)) {
        log.debug('day added up', { instant: formatDay(day), durationMs: monotonicMs() - beganMs });
      }
      left.delete(day);
      observe(left.size);
      await pause(rest(), stopping);
    } catch (error) {
      // The days behind it have their turn, no sooner than the next round would.
      log.warn('days not added up', { instant: formatDay(day), error });
      await pause(Math.max(intervalMs, rest()), stopping);
    }
  }
  return left;
}

// What follows a swap or an abandoned rebuild: the retired generation's durable and tables go, once
// its ingest processes have stopped and no reader has a snapshot in which it still served.
// Repeatable.
import { removeDurable } from '../../nats/seek.js';
import { pause } from '../../platform/clock.js';
import type { Session } from '../session.js';
import {
  countOlderReaders,
  dropGeneration,
  markNow,
  readUncleaned,
  secondsSinceLook,
} from './swap-generations.js';

/** An ingest process looks every second; one that has not for so long has stopped. */
const QUIET_SECONDS = 5;
const ATTEMPT_PAUSE_MS = 500;
const ATTEMPTS = 240;

/**
 * Cleans up after every retired generation; returns their numbers. Rejects where one is still in
 * use.
 */
export async function cleanRetired({
  pool,
  manager,
}: Pick<Session, 'pool' | 'manager'>): Promise<number[]> {
  const cleaned: number[] = [];
  for (const { generation, durable } of await readUncleaned(pool)) {
    const again = 'Stop it, then run ops rebuild clean.';
    await untilTrue(
      `An ingest process still counts into the retired generation ${generation}. ${again}`,
      async () => ((await secondsSinceLook(pool, generation)) ?? QUIET_SECONDS) >= QUIET_SECONDS,
    );
    const mark = await markNow(pool);
    await untilTrue(
      `A long transaction still reads from before generation ${generation} was retired. ${again}`,
      async () => (await countOlderReaders(pool, mark)) === 0,
    );
    await removeDurable(manager, durable);
    await untilTrue(
      `The tables of generation ${generation} are locked. ${again}`,
      async () => (await dropGeneration(pool, generation)) !== undefined,
    );
    cleaned.push(generation);
  }
  return cleaned;
}

async function untilTrue(otherwise: string, probe: () => Promise<boolean>): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (await probe()) return;
    await pause(ATTEMPT_PAUSE_MS);
  }
  throw new Error(otherwise);
}

/**
 * Making long answers. Fifty that are asked for at once would stand in memory together, each a megabyte: so only a few of
 * one connection are made at a time, and further ones when most of what was made has left. Between the rows of one the
 * event loop goes round, for whoever asks for less.
 */
import { setImmediate } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Cancelled } from '../domain/failure.js';

/** What `work` resolves to, when its turn has come. Rejects with {@link Cancelled} where the caller has left by then. */
export type InTurn = <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Long answers of one queue that are made at the same time. While one waits for the database, another is made. */
const AT_ONCE = 4;

/** A queue, first come, first served; each waits for `untilRoom`, too. */
export function createTurns(untilRoom: () => Promise<void>): InTurn {
  const limit = pLimit(AT_ONCE);
  return (work, signal) =>
    limit(async () => {
      assertAwaited(signal);
      await untilRoom();
      return work();
    });
}

/**
 * What `make` gives for each item, in order.
 * @throws {Cancelled} after an abort
 */
export async function makeOneByOne<Item, Made>(
  items: readonly Item[],
  make: (item: Item) => Made,
  signal: AbortSignal,
): Promise<Made[]> {
  const made: Made[] = [];
  for (const item of items) {
    assertAwaited(signal);
    made.push(make(item));
    await setImmediate();
  }
  return made;
}

function assertAwaited(signal: AbortSignal): void {
  if (signal.aborted) throw new Cancelled('the caller no longer waits');
}

// What takes long to make, piece by piece: between them the event loop goes round, for whoever asks
// for less.
import { setImmediate } from 'node:timers/promises';
import { Cancelled } from '../../domain/failure.js';

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
    if (signal.aborted) throw new Cancelled();
    made.push(make(item));
    await setImmediate();
  }
  return made;
}

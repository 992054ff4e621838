/**
 * How a question of the platform is answered: from what was read already where that is all it needs,
 * else in a snapshot of its own, which reads what is missing. Invariant: an answer is made of what was
 * true under one look, the look that its `meta` tells; what is remembered is used only where that look
 * says that nothing has changed since it was read.
 */
import type { CellRange } from '../store/postgres/cells.js';
import { type Look, selectLook } from '../store/postgres/look.js';
import type { Snapshot } from '../store/postgres/pool.js';
import { type Slot, type SlotKind, slotsOf } from '../store/postgres/slot-memory.js';
import type { QueryContext } from './context.js';
import { noteLook } from './look-watch.js';
import { type Freshness, freshnessOf } from './periods.js';
import { limitsOf, type Sources } from './sources.js';

/** What is read of slots, by series and slot; slots without anything are missing. */
export interface ReadKind<T> extends SlotKind<T> {
  read(
    snapshot: Snapshot,
    range: CellRange,
    series: readonly string[],
    slots: readonly number[] | undefined,
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, T>>>;
  /** Of a slot that has nothing. */
  none(): T;
}

/** What an answer is made of. */
export interface Reading {
  readonly fresh: Freshness;
  /** Every slot of `range`, of each of `series`. Several calls at once cost one round trip. */
  get<T>(kind: ReadKind<T>, range: CellRange, series: readonly string[]): Promise<Map<string, T[]>>;
}

/** Thrown where something is missing and there is no snapshot to read it in. */
const NOT_REMEMBERED = new Error('not remembered');

/** What `answer` makes of a reading; it may be called twice. Rejects as `platformPool.read` does. */
export async function answerFrom<T>(
  sources: Sources,
  context: QueryContext,
  answer: (reading: Reading) => Promise<T>,
): Promise<T> {
  const look = await sources.look();
  if (look !== undefined) {
    try {
      return await answer(readingOf(sources, look, undefined));
    } catch (error) {
      if (error !== NOT_REMEMBERED) throw error;
    }
  }
  return sources.platformPool.read(limitsOf(sources, context), async (snapshot) => {
    const startedMs = sources.clock.monotonicMs();
    const own = await selectLook(snapshot);
    noteLook(sources, own, startedMs);
    return answer(readingOf(sources, own, snapshot));
  });
}

function readingOf(
  { memory, settleHours }: Sources,
  look: Look,
  snapshot: Snapshot | undefined,
): Reading {
  return {
    fresh: freshnessOf(look, settleHours),
    async get<T>(kind: ReadKind<T>, range: CellRange, series: readonly string[]) {
      const slots = slotsOf(range);
      const found = new Map(series.map((one) => [one, memory.recall(kind, one, slots, look)]));
      const missing = missingIn(found);
      if (missing.series.length > 0) {
        if (snapshot === undefined) throw NOT_REMEMBERED;
        const some = missing.slots.length < slots.length ? missing.slots : undefined;
        const read = await kind.read(snapshot, range, missing.series, some);
        for (const one of missing.series) {
          const own = found.get(one) as (T | undefined)[];
          for (const index of missing.slots) {
            const value = read.get(one)?.get(index) ?? kind.none();
            own[index] = value;
            memory.keep(kind, one, slots[index] as Slot, look, value);
          }
        }
      }
      return found as Map<string, T[]>;
    },
  };
}

/** What is to be read: every slot that any series lacks, of every series that lacks any. */
function missingIn(found: ReadonlyMap<string, readonly unknown[]>) {
  const slots = new Set<number>();
  const series: string[] = [];
  for (const [one, values] of found) {
    let lacks = false;
    values.forEach((value, index) => {
      if (value !== undefined) return;
      lacks = true;
      slots.add(index);
    });
    if (lacks) series.push(one);
  }
  return { series, slots: [...slots].sort((left, right) => left - right) };
}

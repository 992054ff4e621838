// How a question of the platform is answered: from what was read already where that is all it
// needs, else in a snapshot of its own, which reads what is missing. Invariant: an answer is made
// of what was true under one look, the look that its `meta` tells; what is remembered is used only
// where that look says that nothing has changed since it was read.
import type { EpochMicros } from '../../domain/time/instant.js';
import type { Snapshot } from '../../postgres/pool.js';
import type { CellRange } from '../../rollups/cells.js';
import { loadSlots, type ReadKind, startOfLoad } from '../memory/load-slots.js';
import type { SlotMemory } from '../memory/slot-memory.js';
import type { QueryContext } from '../question/context.js';
import { type Freshness, freshnessOf } from '../question/periods.js';
import { type Look, selectLook } from './look.js';
import { noteLook } from './look-watch.js';
import { limitsOf, type Sources } from './sources.js';
import { whileWaiting } from './waiting.js';

/** What an answer is made of. */
export interface Reading {
  readonly fresh: Freshness;
  /**
   * Every slot of `range`, of each of `series`. Calls for different kinds do not wait for each
   * other.
   */
  get<T>(kind: ReadKind<T>, range: CellRange, series: readonly string[]): Promise<Map<string, T[]>>;
}

/**
 * Thrown where something is missing and there is no snapshot to read it in; no Error, as it needs
 * no stack trace.
 */
class NotRemembered {
  /** `key` names the first thing that is missing, and what it would be read with. */
  constructor(readonly key: string) {}
}

/**
 * What `answer` makes of a reading; it may be called several times. Rejects as `platformPool.read`
 * does.
 */
export async function answerFrom<T>(
  sources: Sources,
  context: QueryContext,
  answer: (reading: Reading) => Promise<T>,
): Promise<T> {
  const { clock, loads } = sources;
  const waitedFor = new Set<string>();
  for (;;) {
    const look = sources.recentLook() ?? (await whileWaiting(sources.look(), context, clock));
    if (look === undefined) return answerInSnapshot(sources, context, answer);
    try {
      return await answer(readingOf(sources, look, undefined));
    } catch (error) {
      if (!(error instanceof NotRemembered)) throw error;
      const { key } = error;
      const load = loads.get(key);
      if (load === undefined || waitedFor.has(key)) {
        const own = answerInSnapshot(sources, context, answer);
        if (load === undefined) announce(loads, key, own);
        return await own;
      }
      // Somebody reads it already: what it will have read is likely to be all that is missing here.
      waitedFor.add(key);
      await whileWaiting(load, context, clock);
    }
  }
}

/** Lets others wait for the end of `own`, however it ends. */
function announce(loads: Map<string, Promise<void>>, key: string, own: Promise<unknown>): void {
  const ended = () => void loads.delete(key);
  loads.set(key, own.then(ended, ended));
}

function answerInSnapshot<T>(
  sources: Sources,
  context: QueryContext,
  answer: (reading: Reading) => Promise<T>,
): Promise<T> {
  return sources.platformPool.read(limitsOf(sources, context), async (snapshot) => {
    const startedMs = sources.clock.monotonicMs();
    const own = await selectLook(snapshot);
    noteLook(sources, own, startedMs);
    return answer(readingOf(sources, own, snapshot));
  });
}

function readingOf(sources: Sources, look: Look, snapshot: Snapshot | undefined): Reading {
  const fresh = freshnessOf(look, sources.settleHours);
  if (snapshot === undefined) {
    return { fresh, get: async (...asked) => remembered(sources.memory, look, ...asked) };
  }
  const turns = new Map<string, Promise<unknown>>();
  return {
    fresh,
    get<T>(kind: ReadKind<T>, range: CellRange, series: readonly string[]) {
      // One after the other: what the first has read, the second need not read.
      const read = () => loadSlots(sources.memory, look, snapshot, kind, range, series);
      const turn = turns.get(kind.name)?.then(read) ?? read();
      turns.set(kind.name, turn);
      return turn;
    },
  };
}

/** @throws {NotRemembered} something is missing */
function remembered<T>(
  memory: SlotMemory,
  look: Look,
  kind: ReadKind<T>,
  range: CellRange,
  series: readonly string[],
): Map<string, T[]> {
  return new Map(
    series.map((one) => {
      const values = memory.recall(kind, one, range, look);
      const missing = values.indexOf(undefined);
      if (missing < 0) return [one, values as T[]];
      const [from, to] = range.edges.slice(missing, missing + 2) as [EpochMicros, EpochMicros];
      throw new NotRemembered(`${kind.name} ${one} ${to - from} ${startOfLoad(from, to)}`);
    }),
  );
}

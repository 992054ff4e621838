// How a question of the platform is answered: from what was read already where that is all it
// needs, else in a snapshot of its own, which reads what is missing. Invariant: an answer is made
// of what was true under one look, the look that its `meta` tells; what is remembered is used only
// where that look says that nothing has changed since it was read.
//
// An answer is in one of three states:
// - From memory: it is made under the latest look, and nothing is awaited but that look. Where
//   something is missing, `answer` resolves to NotRemembered instead. If another question reads the
//   same block, the state is Waiting, else In a snapshot.
// - Waiting: the other question's read ends, well or not, and the answer starts again from memory.
// - In a snapshot: it reads what is missing, so this is the last state. The others may wait for it.
// It ends because it waits for one block at most once: the second time that block is missing, the
// answer goes into a snapshot. Blocks are as many as a question's ranges touch, mostly one.
import type { EpochMicros } from '../../domain/time/instant.js';
import type { Snapshot } from '../../postgres/pool.js';
import type { CellRange } from '../../rollups/cells.js';
import { loadKey } from '../memory/load-plan.js';
import { loadSlots, type ReadKind } from '../memory/load-slots.js';
import type { SlotMemory } from '../memory/slot-memory.js';
import type { QueryContext } from '../question/context.js';
import { type Freshness, freshnessOf } from '../question/periods.js';
import { type Look, selectLook } from './look.js';
import { noteLook } from './look-watch.js';
import { limitsOf, type Sources } from './sources.js';
import { whileWaiting } from './waiting.js';

/** Instead of what was asked for: something of it is missing, and there is no snapshot to read. */
export class NotRemembered {
  /** `key` names the first block that is missing. */
  constructor(readonly key: string) {}
}

/** What an answer is made of. */
export interface Reading {
  readonly fresh: Freshness;
  /**
   * Every slot of `range`, of each of `series`. Calls for different kinds do not wait for each
   * other.
   */
  get<T>(
    kind: ReadKind<T>,
    range: CellRange,
    series: readonly string[],
  ): Promise<Map<string, T[]> | NotRemembered>;
}

/** All of them, or the first that is not remembered. */
export async function allOf<const Reads extends readonly unknown[]>(
  reads: Reads,
): Promise<{ -readonly [I in keyof Reads]: Remembered<Reads[I]> } | NotRemembered> {
  const found = await Promise.all(reads);
  const missing = found.find((one) => one instanceof NotRemembered);
  return missing ?? (found as { -readonly [I in keyof Reads]: Remembered<Reads[I]> });
}

type Remembered<Read> = Exclude<Awaited<Read>, NotRemembered>;

/** Makes an answer of a reading, or says what is missing. Called several times. */
export type Answering<T> = (reading: Reading) => Promise<T | NotRemembered>;

/** What `answer` makes of a reading. Rejects as `platformPool.read` does. */
export async function answerFrom<T>(
  sources: Sources,
  context: QueryContext,
  answer: Answering<T>,
): Promise<T> {
  const { clock, loads } = sources;
  const waitedFor = new Set<string>();
  for (;;) {
    const look = sources.recentLook() ?? (await whileWaiting(sources.look(), context, clock));
    if (look === undefined) return answerInSnapshot(sources, context, answer);
    const made = await answer(fromMemory(sources, look));
    if (!(made instanceof NotRemembered)) return made;
    const { key } = made;
    const load = loads.get(key);
    if (load === undefined || waitedFor.has(key)) {
      const own = answerInSnapshot(sources, context, answer);
      if (load === undefined) announce(loads, key, own);
      return own;
    }
    waitedFor.add(key);
    await whileWaiting(load, context, clock);
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
  answer: Answering<T>,
): Promise<T> {
  return sources.platformPool.read(limitsOf(sources, context), async (snapshot) => {
    const startedMs = sources.clock.monotonicMs();
    const own = await selectLook(snapshot);
    noteLook(sources, own, startedMs);
    const made = await answer(fromSnapshot(sources, own, snapshot));
    if (made instanceof NotRemembered) throw new Error(`${made.key} was not read in a snapshot`);
    return made;
  });
}

function fromMemory({ memory, settleHours }: Sources, look: Look): Reading {
  return {
    fresh: freshnessOf(look, settleHours),
    get: async (...asked) => recallAll(memory, look, ...asked),
  };
}

function fromSnapshot({ memory, settleHours }: Sources, look: Look, snapshot: Snapshot): Reading {
  const turns = new Map<string, Promise<unknown>>();
  return {
    fresh: freshnessOf(look, settleHours),
    get<T>(kind: ReadKind<T>, range: CellRange, series: readonly string[]) {
      // One after the other: what the first has read, the second need not read.
      const read = () => loadSlots({ memory, look, snapshot }, kind, range, series);
      const turn = turns.get(kind.name)?.then(read) ?? read();
      turns.set(kind.name, turn);
      return turn;
    },
  };
}

function recallAll<T>(
  memory: SlotMemory,
  look: Look,
  kind: ReadKind<T>,
  range: CellRange,
  series: readonly string[],
): Map<string, T[]> | NotRemembered {
  const found = new Map<string, T[]>();
  for (const one of series) {
    const values = memory.recall(kind, one, range, look);
    const missing = values.indexOf(undefined);
    if (missing >= 0) {
      const [from, to] = range.edges.slice(missing, missing + 2) as [EpochMicros, EpochMicros];
      return new NotRemembered(loadKey(kind.name, one, { from, to }));
    }
    found.set(one, values as T[]);
  }
  return found;
}

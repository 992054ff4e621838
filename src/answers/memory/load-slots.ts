// Reads what is not remembered, as load-plan.ts plans it, and remembers it.
import type { Snapshot } from '../../postgres/pool.js';
import type { CellRange } from '../../rollups/cells.js';
import { type Slot, slotsOf } from '../../rollups/slots.js';
import type { Look } from '../freshness/look.js';
import type { Dictionary } from './dictionary.js';
import { planLoad, seriesAtOnce, withoutKnown } from './load-plan.js';
import type { SlotKind, SlotMemory } from './slot-memory.js';

/** What is read of slots. `names` is where a kind keeps texts that come again and again. */
export interface ReadKind<T> extends SlotKind<T> {
  /** By series and slot (from 0): of all slots or of those given; empty ones are missing. */
  read(
    snapshot: Snapshot,
    range: CellRange,
    series: readonly string[],
    slots: readonly number[] | undefined,
    names: Dictionary,
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, T>>>;
  /** Of a slot that has nothing. */
  none(names: Dictionary): T;
}

/** What one answer reads from: a snapshot, and the look that was taken in it. */
export interface ReadFrom {
  readonly memory: SlotMemory;
  readonly look: Look;
  readonly snapshot: Snapshot;
}

/**
 * Every slot of `range`, of each of `series`. A round takes what is remembered and reads one part
 * of the rest. What it read stays in `found`, whether the memory keeps it or not: each round leaves
 * fewer slots missing, and the last leaves none.
 */
export async function loadSlots<T>(
  { memory, look, snapshot }: ReadFrom,
  kind: ReadKind<T>,
  range: CellRange,
  series: readonly string[],
): Promise<Map<string, T[]>> {
  const slots = slotsOf(range);
  const places = new Map(slots.map(({ from }, i) => [from, i]));
  const found: Found<T> = new Map(series.map((one) => [one, slots.map(() => undefined)]));
  for (;;) {
    for (const [one, values] of found) {
      memory.recall(kind, one, range, look).forEach((value, i) => {
        values[i] ??= value;
      });
    }
    const planned = planLoad(slots, missingOf(found), memory.keeps);
    if (planned === undefined) return found as Map<string, T[]>;
    const ahead = { ...range, edges: planned.edges };
    const known = planned.series.map((one) => memory.recall(kind, one, ahead, look));
    const plan = withoutKnown(planned, known);
    const slotsAhead = slotsOf(ahead);
    for (const some of seriesAtOnce(plan)) {
      const names = memory.namesOf(kind);
      const read = await kind.read(snapshot, ahead, some, plan.wanted, names);
      for (const one of some) {
        for (const i of plan.wanted) {
          const slot = slotsAhead[i] as Slot;
          const value = read.get(one)?.get(i) ?? kind.none(names);
          memory.keep(kind, one, slot, look, value);
          const place = places.get(slot.from);
          if (place === undefined || slots[place]?.to !== slot.to) continue;
          (found.get(one) as (T | undefined)[])[place] = value;
        }
      }
    }
  }
}

type Found<T> = Map<string, (T | undefined)[]>;

function missingOf(found: Found<unknown>): Map<string, number[]> {
  const missing = (values: readonly unknown[]) =>
    [...values.keys()].filter((i) => values[i] === undefined);
  return new Map(Array.from(found, ([one, values]) => [one, missing(values)]));
}

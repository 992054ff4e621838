/**
 * Slots of histograms that were read already. A slot is remembered with the sum of the versions of its
 * cells; versions only grow, so the slot has changed if and only if that sum has. Invariants: nothing
 * is answered from here before its versions were looked at in the answer's own snapshot; memory is
 * bounded; what is remembered belongs to one generation. It holds platform figures only, so there is no
 * account to keep apart.
 */
import type { BinCounts } from '../../domain/percentile.js';

/** A slot as it was under `versions`. */
export interface RememberedSlot {
  readonly versions: number;
  /** Never changed: answers share it. */
  readonly bins: BinCounts;
}

export interface SlotMemory {
  /** `series` names whose slots they are, `slot` is a whole number of its own for each pair of edges. */
  find(series: string, slot: number): RememberedSlot | undefined;
  keep(series: string, slot: number, remembered: RememberedSlot): void;
  clear(): void;
}

type BySeries = Map<string, Map<number, RememberedSlot>>;

/** What an entry costs beside its counts: three objects and the map's place. */
const ENTRY_BYTES = 280;

/**
 * Remembers at most about `maxBytes`; 0 remembers nothing. What was not used while half of that was
 * newly remembered goes: two maps that take turns, which costs less than an order of use.
 */
export function createSlotMemory(maxBytes: number): SlotMemory {
  let recent: BySeries = new Map();
  let older: BySeries = new Map();
  let bytes = 0;
  const keep = (series: string, slot: number, remembered: RememberedSlot) => {
    if (maxBytes === 0) return;
    let own = recent.get(series);
    if (own === undefined) {
      own = new Map();
      recent.set(series, own);
    }
    own.set(slot, remembered);
    // One that is kept anew counts twice: the bound is an upper one.
    bytes += ENTRY_BYTES + remembered.bins.counts.byteLength;
    if (bytes <= maxBytes / 2) return;
    older = recent;
    recent = new Map();
    bytes = 0;
  };
  return {
    find(series, slot) {
      const found = recent.get(series)?.get(slot);
      if (found !== undefined) return found;
      const before = older.get(series)?.get(slot);
      if (before !== undefined) keep(series, slot, before);
      return before;
    },
    keep,
    clear() {
      recent = new Map();
      older = new Map();
      bytes = 0;
    },
  };
}

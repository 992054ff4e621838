/**
 * Slots of histograms that were read already. A slot is remembered with the sum of the versions of its
 * cells; versions only grow, so the slot has changed if and only if that sum has. Invariants: nothing
 * is answered from here before its versions were looked at in the answer's own snapshot; memory is
 * bounded; what is remembered belongs to one generation, and a database that has gone back in time
 * empties it. It holds platform figures only, so there is no account to keep apart.
 */
import type { BinCounts } from '../../domain/percentile.js';

/** A slot as it was under `versions`. */
export interface RememberedSlot {
  readonly versions: number;
  /** Never changed: answers share it. */
  readonly bins: BinCounts;
}

export interface SlotMemory {
  find(key: string): RememberedSlot | undefined;
  keep(key: string, slot: RememberedSlot): void;
  clear(): void;
}

/** What an entry costs beside its counts: the key, two objects, the map's place. */
const ENTRY_BYTES = 320;

/** Remembers at most about `maxBytes`, the least recently used go first; 0 remembers nothing. */
export function createSlotMemory(maxBytes: number): SlotMemory {
  // In order of last use: a Map iterates in the order of insertion.
  const slots = new Map<string, RememberedSlot>();
  let bytes = 0;
  const costOf = (slot: RememberedSlot) => ENTRY_BYTES + slot.bins.counts.byteLength;
  const drop = (key: string) => {
    const slot = slots.get(key);
    if (slot === undefined) return;
    slots.delete(key);
    bytes -= costOf(slot);
  };
  return {
    find(key) {
      const slot = slots.get(key);
      if (slot === undefined) return undefined;
      slots.delete(key);
      slots.set(key, slot);
      return slot;
    },
    keep(key, slot) {
      drop(key);
      slots.set(key, slot);
      bytes += costOf(slot);
      for (const oldest of slots.keys()) {
        if (bytes <= maxBytes) break;
        drop(oldest);
      }
    },
    clear() {
      slots.clear();
      bytes = 0;
    },
  };
}

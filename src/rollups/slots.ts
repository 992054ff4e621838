// The pieces of time that figures are read and remembered by, and the slot of a cell.
import {
  type EpochMicros,
  MICROS_PER_DAY,
  MICROS_PER_HOUR,
  MICROS_PER_MINUTE,
} from '../domain/time/instant.js';
import type { CellRange } from './cells.js';

/** A piece of time, and how much of it has settled. */
export interface Slot {
  readonly from: EpochMicros;
  readonly to: EpochMicros;
  /** The settled boundary, not before `from` and not after `to`. */
  readonly settledTo: EpochMicros;
}

/** What slots are cut from. */
export type SlotRange = Pick<CellRange, 'edges' | 'settledThrough'>;

/** The slots of a range, one between each two of its edges. */
export function slotsOf(range: SlotRange): Slot[] {
  const { edges } = range;
  return edges.slice(1).map((to, i) => slotOf(range, edges[i] as EpochMicros, to));
}

export function slotOf(
  { settledThrough }: Pick<SlotRange, 'settledThrough'>,
  from: EpochMicros,
  to: EpochMicros,
): Slot {
  return { from, to, settledTo: settledPart(from, to, settledThrough) };
}

/** What of a slot has settled: up to where. */
export function settledPart(
  from: EpochMicros,
  to: EpochMicros,
  settledThrough: EpochMicros,
): EpochMicros {
  return Math.min(Math.max(from, settledThrough), to);
}

/** Whether a slot is 24 whole hours. */
export function isDay(from: EpochMicros, to: EpochMicros): boolean {
  return to - from === MICROS_PER_DAY && from % MICROS_PER_HOUR === 0;
}

/**
 * A function from CELL_MINUTE to the slot of the cell, from 0. Cells mostly come in order, each in
 * the slot behind the one before.
 */
export function slotFinder({ edges }: Pick<CellRange, 'edges'>): (minute: number) => number {
  let next = 0;
  return (minute) => {
    const at = minute * MICROS_PER_MINUTE;
    let low = next;
    if (!((edges[low] as number) <= at && at < (edges[low + 1] as number))) {
      low = 0;
      let high = edges.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if ((edges[middle] as number) <= at) low = middle;
        else high = middle;
      }
    }
    next = low + 1;
    return low;
  };
}

// Which cells await no receipt any longer. Contract, section 2, "Settling": in a cell that ends by
// the settled boundary, pending messages are answered as UNKNOWN. A settled cell is not final: a
// receipt up to 35 days late still changes it.
import { type EpochMicros, floorToMinutes, MICROS_PER_HOUR } from './instant.js';

export const DEFAULT_SETTLE_HOURS = 72;

/** Grain of the cells that settle, in minutes. */
const SETTLE_GRAIN_MINUTES = 15;

/** What a bucket still awaits: messages, receipts, neither. */
export type BucketState = 'open' | 'provisional' | 'settled';

/** The instant by which a cell must end to be settled, a multiple of 15 minutes. */
export function settledThrough(
  dataAsOf: EpochMicros,
  settleHours: number = DEFAULT_SETTLE_HOURS,
): EpochMicros {
  return floorToMinutes(dataAsOf - settleHours * MICROS_PER_HOUR, SETTLE_GRAIN_MINUTES);
}

/**
 * The state of a bucket that ends at `end`. A bucket that ends exactly at a boundary is past it.
 */
export function bucketState(
  end: EpochMicros,
  dataAsOf: EpochMicros,
  settled: EpochMicros,
): BucketState {
  if (end > dataAsOf) return 'open';
  return end <= settled ? 'settled' : 'provisional';
}

/** Delivered messages by latency bin, slot by slot: of the platform and its operators. */
import { addBins, type BinCounts, noBins } from '../../domain/percentile.js';
import {
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  groupRows,
  runsOf,
  slotBy,
  sumBySlot,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

// Cells of one slot are added up here rather than in Postgres: they are few, and most slots are one.
const OF_OPERATORS = `
  SELECT ${slotBy('$5')}, cell.operator_id, cell.bins, cell.messages
    ${fromCells('latency_histogram', 'cell.operator_id = ANY ($6::text[])')}`;

/** Bins by slot (from 0); slots without delivered messages may be missing. */
export type SlotBins = Map<number, BinCounts>;

/** Of some operators, for `latencyIn`; '' is the sum over all. Of all slots, or of those given. */
export function readLatency(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Row[]> {
  const values = [...cellValues(range, runsOf(range, { slots })), edgesValue(range), operatorIds];
  return snapshot.rows('latency', OF_OPERATORS, values);
}

/** By operator, then by slot. */
export function latencyIn(rows: readonly Row[]): Map<string, SlotBins> {
  return new Map(
    [...groupRows(rows, 1)].map(([id, own]) => [id, sumBySlot(own.map(binsOf), addBins)]),
  );
}

function binsOf([slot, , bins, messages]: Row): [slot: number, bins: BinCounts] {
  return [Number(slot) - 1, readHistogram(bins as string, messages as string)];
}

/** Two arrays as Postgres writes them, `{3,5}` and `{10,2}`: bins ascending, and the messages of each. */
function readHistogram(bins: string, messages: string): BinCounts {
  if (bins.length <= 2) return noBins();
  const first = Number.parseInt(bins.slice(1, 8), 10);
  const last = Number.parseInt(
    bins.slice(bins.lastIndexOf(',') + (bins.includes(',') ? 1 : 2)),
    10,
  );
  const counts = new Array<number>(last - first + 1).fill(0);
  let at = 1;
  for (let i = 1; i < bins.length; ) {
    let bin = 0;
    for (let digit = bins.charCodeAt(i) - 48; digit >= 0 && digit <= 9; ) {
      bin = bin * 10 + digit;
      digit = bins.charCodeAt(++i) - 48;
    }
    let count = 0;
    for (let digit = messages.charCodeAt(at) - 48; digit >= 0 && digit <= 9; ) {
      count = count * 10 + digit;
      digit = messages.charCodeAt(++at) - 48;
    }
    counts[bin - first] = count;
    i++;
    at++;
  }
  return { first, counts };
}

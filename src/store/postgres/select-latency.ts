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
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

// Cells of one slot are added up here rather than in Postgres: they are few, and most slots are one.
const OF_OPERATORS = `
  SELECT ${slotBy('$5')}, cell.operator_id, cell.bins, cell.messages
    ${fromCells('latency_histogram', 'cell.operator_id = ANY ($6::text[])')}`;

/** Histograms by slot (from 0), for `binsOf`; slots without delivered messages may be missing. */
export type SlotHistograms = ReadonlyMap<number, readonly Row[]>;

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
export function latencyIn(rows: readonly Row[]): Map<string, SlotHistograms> {
  return new Map(
    [...groupRows(rows, 1)].map(([id, own]) => [
      id,
      new Map([...groupRows(own, 0)].map(([slot, cells]) => [Number(slot) - 1, cells])),
    ]),
  );
}

/** The bins of some histograms together: most slots are one cell. */
export function binsOf(cells: readonly Row[]): BinCounts {
  let sum: BinCounts | undefined;
  for (const [, , bins, messages] of cells) {
    const own = readHistogram(bins as string, messages as string);
    if (sum === undefined) sum = own;
    else addBins(sum, own);
  }
  return sum ?? noBins();
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

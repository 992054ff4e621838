// Delivered messages by latency bin, slot by slot: of the platform and its operators.
import { addBins, type BinCounts, noBins } from '../../domain/measures/percentile.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { sql } from '../../postgres/sql.js';
import {
  CELL_MINUTE,
  type CellParameters,
  type CellRange,
  cellParameters,
  fromCells,
} from '../../rollups/cells.js';
import { runsOf } from '../../rollups/runs.js';
import { slotFinder } from '../../rollups/slots.js';

// All cells of an operator come as one text, and are read out of it one by one; cells of one slot
// are added up here: most slots are one.
const OF_OPERATORS = sql<CellParameters & { readonly operatorIds: readonly string[] }>`
  SELECT cell.operator_id,
         string_agg(concat_ws(' ', ${CELL_MINUTE}, cell.bins, cell.messages), ';')
    ${fromCells('latency_histogram', 'cell.operator_id = ANY (:operatorIds::text[])')}
   GROUP BY cell.operator_id`;

/** Cells by slot (from 0), for `binsOf`; slots without delivered messages may be missing. */
export type SlotHistograms = ReadonlyMap<number, readonly string[]>;

/** Of some operators, for `latencyIn`; '' is the sum over all. Of all slots, or of those given. */
export function readLatency(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Row[]> {
  const runs = runsOf(range, { slots });
  const { text, values } = OF_OPERATORS({ ...cellParameters(range, runs), operatorIds });
  return snapshot.rows('latency', text, values);
}

/** By operator, then by slot. */
export function latencyIn(rows: readonly Row[], range: CellRange): Map<string, SlotHistograms> {
  return new Map(rows.map(([id, cells]) => [id as string, cellsBySlot(cells ?? '', range)]));
}

function cellsBySlot(cells: string, range: CellRange): Map<number, string[]> {
  const slots = new Map<number, string[]>();
  const slotOf = slotFinder(range);
  for (const cell of cells.split(';')) {
    const slot = slotOf(Number.parseInt(cell, 10));
    const own = slots.get(slot);
    if (own === undefined) slots.set(slot, [cell]);
    else own.push(cell);
  }
  return slots;
}

/** The bins of some cells together. */
export function binsOf(cells: readonly string[]): BinCounts {
  let sum: BinCounts | undefined;
  for (const cell of cells) {
    const [, bins = '', messages = ''] = cell.split(' ');
    const own = readHistogram(bins, messages);
    if (sum === undefined) sum = own;
    else addBins(sum, own);
  }
  return sum ?? noBins();
}

/**
 * Two arrays as Postgres writes them, `{3,5}` and `{10,2}`: bins ascending, and the messages of
 * each.
 */
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

// Messages by outcome, slot by slot: of the platform and its operators.
import { addCounts, type Counts } from '../../domain/measures/counts.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { COUNTS_OF_CELLS, readCounts } from '../../rollups/cell-text.js';
import { type CellRange, cellValues, fromCells, runsOf } from '../../rollups/cells.js';

const OF_OPERATORS = `
  SELECT cell.operator_id, ${COUNTS_OF_CELLS}
    ${fromCells('outcome_sum', 'cell.operator_id = ANY ($5::text[])')}
   GROUP BY 1`;

/** Counts by slot (from 0); slots without messages are missing. */
export type SlotCounts = Map<number, Counts>;

/**
 * Messages of some operators, for `outcomesIn`; '' is the sum over all. Of all slots, or of those
 * given.
 */
export function readOutcomes(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Row[]> {
  const runs = runsOf(range, { settles: true, slots });
  const values = [...cellValues(range, runs), operatorIds];
  return snapshot.rows('outcomes', OF_OPERATORS, values);
}

/** By operator, then by slot. */
export function outcomesIn(rows: readonly Row[], range: CellRange): Map<string, SlotCounts> {
  return new Map(rows.map((row) => [row[0] as string, countsBySlot(row[1], range)]));
}

function countsBySlot(cells: string | null | undefined, range: CellRange): SlotCounts {
  const slots: SlotCounts = new Map();
  readCounts(cells, range, (slot, counts) => {
    const before = slots.get(slot);
    if (before === undefined) slots.set(slot, counts);
    else addCounts(before, counts);
  });
  return slots;
}

// Messages by outcome, slot by slot: of the platform and its operators.
import { addCounts, type Counts } from '../../domain/measures/counts.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { sql } from '../../postgres/sql.js';
import { COUNTS_OF_CELLS, readCounts } from '../../rollups/cell-text.js';
import {
  type CellParameters,
  type CellRange,
  cellParameters,
  fromCells,
} from '../../rollups/cells.js';
import { runsOf } from '../../rollups/runs.js';

const OF_OPERATORS = sql<CellParameters & { readonly operatorIds: readonly string[] }>`
  SELECT cell.operator_id, ${COUNTS_OF_CELLS}
    ${fromCells('outcome_sum', 'cell.operator_id = ANY (:operatorIds::text[])')}
   GROUP BY cell.operator_id`;

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
  const { text, values } = OF_OPERATORS({ ...cellParameters(range, runs), operatorIds });
  return snapshot.rows('outcomes', text, values);
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

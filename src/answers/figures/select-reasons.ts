// Failures and UNKNOWN by reason, slot by slot: of operators.
import type { ReasonCounts } from '../../domain/measures/figures.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import {
  CELL_MINUTE,
  type CellRange,
  cellValues,
  fromCells,
  reasonBy,
  runsOf,
  settledValue,
  slotFinder,
} from '../../rollups/cells.js';
import { NumberScanner } from '../../rollups/scanner.js';

// All cells of an operator come as two texts. What is pending in settled cells is UNKNOWN.
const OF_OPERATORS = `
  SELECT cell.operator_id, string_agg(${reasonBy('$5')}, ','),
         string_agg(concat_ws(' ', ${CELL_MINUTE}, cell.messages), ',')
    ${fromCells('outcome_platform', 'cell.operator_id = ANY ($6::text[])')}
   WHERE cell.messages > 0
     AND cell.outcome <> 'DELIVERED'
     AND (cell.outcome <> 'PENDING' OR cell.bucket < $5::timestamptz)
   GROUP BY 1`;

/**
 * Reasons of some operators, for `reasonsIn`; the sum over all operators has none. Of all slots, or
 * of those given.
 */
export async function readReasons(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Row[]> {
  if (operatorIds.every((id) => id === '')) return [];
  const runs = runsOf(range, { settles: true, slots });
  const values = [...cellValues(range, runs), settledValue(range), operatorIds];
  return snapshot.rows('reasons', OF_OPERATORS, values);
}

/** By operator, then by slot (from 0); slots without failures are missing. */
export function reasonsIn(
  rows: readonly Row[],
  range: CellRange,
): Map<string, Map<number, ReasonCounts>> {
  return new Map(rows.map((row) => [row[0] as string, reasonsOf(row, range)]));
}

function reasonsOf([, names, cells]: Row, range: CellRange): Map<number, ReasonCounts> {
  const slots = new Map<number, Map<string, bigint>>();
  const slotOf = slotFinder(range);
  const scanner = new NumberScanner(cells ?? '');
  for (const reason of names?.split(',') ?? []) {
    scanner.nextRow();
    const slot = slotOf(scanner.number());
    let own = slots.get(slot);
    if (own === undefined) {
      own = new Map();
      slots.set(slot, own);
    }
    own.set(reason, (own.get(reason) ?? 0n) + scanner.bigint());
  }
  return slots;
}

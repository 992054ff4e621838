// Failures and UNKNOWN by reason, slot by slot: of operators.
import type { ReasonCounts } from '../../domain/measures/figures.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { sql } from '../../postgres/sql.js';
import {
  ANSWERED_REASON,
  CELL_MINUTE,
  type CellParameters,
  type CellRange,
  cellParameters,
  fromCells,
  settledParameter,
} from '../../rollups/cells.js';
import { runsOf } from '../../rollups/runs.js';
import { NumberScanner } from '../../rollups/scanner.js';
import { slotFinder } from '../../rollups/slots.js';

// All cells of an operator come as two texts. What is pending in settled cells is UNKNOWN.
const OF_OPERATORS = sql<
  CellParameters & { readonly settledThrough: string; readonly operatorIds: readonly string[] }
>`
  SELECT cell.operator_id,
         string_agg(${ANSWERED_REASON}, ','),
         string_agg(concat_ws(' ', ${CELL_MINUTE}, cell.messages), ',')
    ${fromCells('outcome_platform', 'cell.operator_id = ANY (:operatorIds::text[])')}
   WHERE cell.messages > 0
     AND cell.outcome <> 'DELIVERED'
     AND (cell.outcome <> 'PENDING' OR cell.bucket < :settledThrough::timestamptz)
   GROUP BY cell.operator_id`;

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
  const { text, values } = OF_OPERATORS({
    ...cellParameters(range, runs),
    settledThrough: settledParameter(range),
    operatorIds,
  });
  return snapshot.rows('reasons', text, values);
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

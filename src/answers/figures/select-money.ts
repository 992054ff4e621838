// Charges and refunds by currency, slot by slot: of the platform and its operators.
import { addSums, type MoneyByCurrency } from '../../domain/measures/money.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { sql } from '../../postgres/sql.js';
import { MONEY_OF_CELLS, readSums } from '../../rollups/cell-text.js';
import {
  type CellParameters,
  type CellRange,
  cellParameters,
  fromCells,
} from '../../rollups/cells.js';
import { runsOf } from '../../rollups/runs.js';

const OF_OPERATORS = sql<CellParameters & { readonly operatorIds: readonly string[] }>`
  SELECT cell.operator_id, ${MONEY_OF_CELLS}
    ${fromCells('money_sum', 'cell.operator_id = ANY (:operatorIds::text[])')}
   GROUP BY cell.operator_id`;

/** Sums by slot (from 0); slots without money are missing. */
export type SlotMoney = Map<number, MoneyByCurrency>;

/**
 * Money of charges at each of some operators, for `moneyByOperator`; '' is all money. Of all slots,
 * or of those given.
 */
export function readMoney(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Row[]> {
  const runs = runsOf(range, { slots });
  const { text, values } = OF_OPERATORS({ ...cellParameters(range, runs), operatorIds });
  return snapshot.rows('money', text, values);
}

/** By operator, then by slot. */
export function moneyByOperator(rows: readonly Row[], range: CellRange): Map<string, SlotMoney> {
  return new Map(
    rows.map(([operatorId, codes, cells]) => {
      const slots: SlotMoney = new Map();
      readSums(codes, cells, range, (slot, sums) => {
        const own = slots.get(slot) ?? new Map();
        slots.set(slot, own);
        addSums(own, sums);
      });
      return [operatorId as string, slots];
    }),
  );
}

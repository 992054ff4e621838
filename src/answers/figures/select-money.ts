// Charges and refunds by currency, slot by slot: of the platform and its operators.
import { addSums, type MoneyByCurrency } from '../../domain/measures/money.js';
import type { Row, Snapshot } from '../../postgres/pool.js';
import { MONEY_OF_CELLS, readSums } from '../../rollups/cell-text.js';
import { type CellRange, cellValues, fromCells, runsOf } from '../../rollups/cells.js';

const OF_OPERATORS = `
  SELECT cell.operator_id, ${MONEY_OF_CELLS}
    ${fromCells('money_sum', 'cell.operator_id = ANY ($5::text[])')}
   GROUP BY 1`;

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
  const values = [...cellValues(range, runsOf(range, { slots })), operatorIds];
  return snapshot.rows('money', OF_OPERATORS, values);
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

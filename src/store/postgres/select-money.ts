/** Charges and refunds by currency, slot by slot: of the platform and its operators. */
import { addSums, type MoneyByCurrency } from '../../domain/money.js';
import { CELL_MINUTE, type CellRange, cellValues, fromCells, runsOf, slotFinder } from './cells.js';
import type { Row, Snapshot } from './pool.js';
import { NumberScanner } from './scanner.js';

/**
 * The money of some cells as `moneyIn` reads it, in two columns: the codes of their currencies, three letters each (ISO
 * 4217), and their numbers, as one text each. Cells of one slot are added up here: most slots are one.
 */
export const MONEY_OF_CELLS = `
  string_agg(cell.currency, ''),
  string_agg(concat_ws(' ', ${CELL_MINUTE}, cell.charges, cell.refunds, cell.charged, cell.refunded), ',')`;
const CODE_LETTERS = 3;

const OF_OPERATORS = `
  SELECT cell.operator_id, ${MONEY_OF_CELLS}
    ${fromCells('money_sum', 'cell.operator_id = ANY ($5::text[])')}
   GROUP BY 1`;

/** Sums by slot (from 0); slots without money are missing. */
export type SlotMoney = Map<number, MoneyByCurrency>;

/** Money of charges at each of some operators, for `moneyByOperator`; '' is all money. Of all slots, or of those given. */
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
  return new Map(rows.map((row) => [row[0] as string, moneyIn(row.slice(1), range)]));
}

/** The cells of MONEY_OF_CELLS by slot; one cell is of one currency. */
export function moneyIn([codes, cells]: Row, range: CellRange): SlotMoney {
  const slots: SlotMoney = new Map();
  if (!codes || !cells) return slots;
  const slotOf = slotFinder(range);
  const scanner = new NumberScanner(cells);
  for (let at = 0; scanner.more; at += CODE_LETTERS) {
    const slot = slotOf(scanner.number());
    const currency = codes.slice(at, at + CODE_LETTERS);
    const sums = {
      charges: scanner.bigint(),
      refunds: scanner.bigint(),
      charged: scanner.nanos(),
      refunded: scanner.nanos(),
    };
    const own = slots.get(slot);
    if (own === undefined) slots.set(slot, new Map([[currency, sums]]));
    else addSums(own, currency, sums);
  }
  return slots;
}

// Charges and refunds by currency, slot by slot: of the platform and its operators.
import { addSums, type CurrencySums, type MoneyByCurrency } from '../domain/measures/money.js';
import type { Row, Snapshot } from '../postgres/pool.js';
import { CELL_MINUTE, type CellRange, cellValues, fromCells, runsOf, slotFinder } from './cells.js';
import { NumberScanner } from './scanner.js';

/**
 * The money of some cells as `readSums` reads it, in two columns: the codes of their currencies,
 * three letters each (ISO 4217), and their numbers, as one text each, without refunds where there
 * are none. Cells of one slot are added up here: most slots are one.
 */
export const MONEY_OF_CELLS = `
  string_agg(cell.currency, ''),
  string_agg(concat_ws(' ', ${CELL_MINUTE}, cell.charges, cell.charged,
                       CASE WHEN cell.refunds > 0 OR cell.refunded <> 0 THEN concat_ws(' ', cell.refunds, cell.refunded) END), ',')`;
const CODE_LETTERS = 3;

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

/**
 * Calls `each` with the cells of MONEY_OF_CELLS, in any order, of which only those count that begin
 * in a minute `asked` for: most slots (from 0) are one cell, which is of one currency.
 */
export function readSums(
  codes: string | null | undefined,
  cells: string | null | undefined,
  range: CellRange,
  each: (slot: number, sums: CurrencySums) => void,
  asked: (minute: number) => boolean = () => true,
): void {
  if (!codes || !cells) return;
  const slotOf = slotFinder(range);
  const scanner = new NumberScanner(cells);
  let currency = codes.slice(0, CODE_LETTERS);
  for (let at = 0; scanner.nextRow(); at += CODE_LETTERS) {
    const minute = scanner.number();
    if (!asked(minute)) {
      scanner.skipRow();
      continue;
    }
    // Most accounts have one.
    if (!codes.startsWith(currency, at)) currency = codes.slice(at, at + CODE_LETTERS);
    each(slotOf(minute), {
      currency,
      charges: scanner.bigint(),
      charged: scanner.nanos(),
      refunds: scanner.bigint(),
      refunded: scanner.nanos(),
    });
  }
}

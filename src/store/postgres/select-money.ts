/** Charges and refunds by currency, slot by slot: of the platform and its operators, of one account. */
import { addMoney, type MoneyByCurrency } from '../../domain/money.js';
import {
  accountRuns,
  CELL_MINUTE,
  type CellRange,
  cellValues,
  fromCells,
  runsOf,
  slotFinder,
  sumBySlot,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

// All cells of one operator or account come as one text; cells of one slot are added up here: most slots are one.
// Amounts are numeric(38, 9): always nine decimals, so without the point they are whole numbers of 1e-9.
const NANOS = (amount: string) => `replace(${amount}::text, '.', '')`;
const CELLS = `
  string_agg(concat_ws(' ', ${CELL_MINUTE}, cell.currency, cell.charges, cell.refunds, ${NANOS('cell.charged')},
                       ${NANOS('cell.refunded')}), ' ')`;

const OF_OPERATORS = `
  SELECT cell.operator_id, ${CELLS}
    ${fromCells('money_sum', 'cell.operator_id = ANY ($5::text[])')}
   GROUP BY 1`;

const OF_ACCOUNT = `
  SELECT $5, ${CELLS}
    ${fromCells('account_money_sum', 'cell.account_id = $5')}`;

// Quarters of an hour that no hour of the series holds.
const OF_ACCOUNT_BY_QUARTER = `
  SELECT $5, ${CELLS}
    ${fromCells('money_account', 'cell.account_id = $5')}`;

/** Sums by slot (from 0); slots without money are missing. */
export type SlotMoney = Map<number, MoneyByCurrency>;

/** Money of charges at each of some operators; '' is all money. Of all slots, or of those given. */
export async function selectMoney(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Map<string, SlotMoney>> {
  const values = [...cellValues(range, runsOf(range, { slots })), operatorIds];
  const rows = await snapshot.rows('money', OF_OPERATORS, values);
  return new Map(rows.map((row) => [row[0] as string, sumBySlot(moneyIn(row, range), addMoney)]));
}

/** Money of one account, by slot, each in any number of parts; the snapshot must be scoped to it. */
export async function selectAccountMoney(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<[slot: number, money: MoneyByCurrency][]> {
  const { sums, quarters } = accountRuns(range, false);
  const values = (part: typeof sums) => [...cellValues(range, part), accountId];
  const read = await Promise.all([
    sums.length > 0 ? snapshot.rows('money_of_account', OF_ACCOUNT, values(sums)) : [],
    quarters.length > 0
      ? snapshot.rows('money_of_account_by_quarter', OF_ACCOUNT_BY_QUARTER, values(quarters))
      : [],
  ]);
  return read.flat().flatMap((row) => moneyIn(row, range));
}

/** The cells of one row, each with its slot; one cell is of one currency. */
function moneyIn([, cells]: Row, range: CellRange): [slot: number, money: MoneyByCurrency][] {
  if (!cells) return [];
  const found: [number, MoneyByCurrency][] = [];
  const slotOf = slotFinder(range);
  const texts = cells.split(' ');
  for (let i = 0; i < texts.length; i += 6) {
    const slot = slotOf(Number(texts[i]));
    const [charges = 0n, refunds = 0n, charged = 0n, refunded = 0n] = texts
      .slice(i + 2, i + 6)
      .map(BigInt);
    found.push([
      slot,
      new Map([[texts[i + 1] as string, { charges, refunds, charged, refunded }]]),
    ]);
  }
  return found;
}

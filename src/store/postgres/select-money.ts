/** Charges and refunds by currency, slot by slot: of the platform and its operators, of one account. */
import type { Nanos } from '../../domain/decimal.js';
import { addMoney, type MoneyByCurrency } from '../../domain/money.js';
import {
  ACCOUNT_GRAINS,
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  groupRows,
  runsOf,
  slotBy,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

// Amounts are numeric(38, 9): always nine decimals. Cells of one slot are added up here rather than in Postgres: most
// slots are one.
const MONEY = 'cell.charges, cell.refunds, cell.charged, cell.refunded';

const OF_OPERATORS = `
  SELECT ${slotBy('$5')}, cell.operator_id, cell.currency, ${MONEY}
    ${fromCells('money_sum', 'cell.operator_id = ANY ($6::text[])')}`;

const OF_ACCOUNT = `
  SELECT ${slotBy('$5')}, '', cell.currency, ${MONEY}
    ${fromCells('account_money_sum', 'cell.account_id = $6')}`;

// Quarters of an hour that no hour of the series holds.
const OF_ACCOUNT_BY_QUARTER = `
  SELECT ${slotBy('$5')}, '', cell.currency, ${MONEY}
    ${fromCells('money_account', 'cell.account_id = $6')}`;

/** Sums by slot (from 0); slots without money are missing. */
export type SlotMoney = Map<number, MoneyByCurrency>;

/** Money of charges at each of some operators; '' is all money. Of all slots, or of those given. */
export async function selectMoney(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Map<string, SlotMoney>> {
  const values = [...cellValues(range, runsOf(range, { slots })), edgesValue(range), operatorIds];
  const rows = await snapshot.rows('money', OF_OPERATORS, values);
  return new Map([...groupRows(rows, 1)].map(([operatorId, own]) => [operatorId, bySlot(own)]));
}

/** Money of one account, by slot, each in any number of parts; the snapshot must be scoped to it. */
export async function selectAccountMoney(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<[slot: number, money: MoneyByCurrency][]> {
  const runs = runsOf(range, { grains: ACCOUNT_GRAINS });
  const [base] = ACCOUNT_GRAINS.slice(-1);
  const [quarters, sums] = [
    runs.filter((run) => run.grainMinutes === base),
    runs.filter((run) => run.grainMinutes !== base),
  ];
  const values = (part: typeof runs) => [...cellValues(range, part), edgesValue(range), accountId];
  const read = await Promise.all([
    sums.length > 0 ? snapshot.rows('money_of_account', OF_ACCOUNT, values(sums)) : [],
    quarters.length > 0
      ? snapshot.rows('money_of_account_by_quarter', OF_ACCOUNT_BY_QUARTER, values(quarters))
      : [],
  ]);
  return read.flatMap((rows) => rows.map(moneyOf));
}

/** An amount with its nine decimals, `12.500000000`, in whole numbers of 1e-9. */
function readNanos(text: string): Nanos {
  return BigInt(text.slice(0, -10) + text.slice(-9));
}

function bySlot(rows: readonly Row[]): SlotMoney {
  const slots: SlotMoney = new Map();
  for (const [slot, money] of rows.map(moneyOf)) {
    const before = slots.get(slot);
    if (before === undefined) slots.set(slot, money);
    else addMoney(before, money);
  }
  return slots;
}

/** One cell is of one currency. */
function moneyOf(row: Row): [slot: number, money: MoneyByCurrency] {
  const [slot, , currency, charges, refunds, charged, refunded] = row;
  const sums = {
    charges: BigInt(charges as string),
    refunds: BigInt(refunds as string),
    charged: readNanos(charged as string),
    refunded: readNanos(refunded as string),
  };
  return [Number(slot) - 1, new Map([[currency as string, sums]])];
}

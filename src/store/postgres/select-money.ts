/** Charges and refunds by currency, slot by slot: of the platform, of its operators, of one account. */
import type { Nanos } from '../../domain/decimal.js';
import type { MoneyByCurrency } from '../../domain/money.js';
import {
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  groupRows,
  type Rollup,
  slotBy,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

// Amounts are numeric(38, 9), and so are their sums: always nine decimals.
const SUMS = `sum(cell.charges)::bigint, sum(cell.refunds)::bigint, sum(cell.charged), sum(cell.refunded)`;

const OF_PLATFORM = `
  SELECT ${slotBy('$5')}, '', cell.currency, ${SUMS}
    ${fromCells('money_sum')}
   GROUP BY 1, 3`;

const OF_OPERATORS = `
  SELECT ${slotBy('$5')}, cell.operator_id, cell.currency, ${SUMS}
    ${fromCells('money_platform', 'cell.operator_id = ANY ($6::text[])')}
   GROUP BY 1, 2, 3`;

const OF_ACCOUNT = `
  SELECT ${slotBy('$5')}, '', cell.currency, ${SUMS}
    ${fromCells('money_account', 'cell.account_id = $6')}
   GROUP BY 1, 3`;

/** Sums by slot (from 0); slots without money are missing. */
export type SlotMoney = Map<number, MoneyByCurrency>;

/** All money. */
export async function selectMoney(snapshot: Snapshot, range: CellRange): Promise<SlotMoney> {
  const values = valuesOf('money_sum', range);
  return bySlot(await snapshot.rows('money', OF_PLATFORM, values));
}

/** Money of charges at each of some operators. */
export async function selectOperatorMoney(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
): Promise<Map<string, SlotMoney>> {
  const values = [...valuesOf('money_platform', range), operatorIds];
  const rows = await snapshot.rows('money_by_operator', OF_OPERATORS, values);
  return new Map([...groupRows(rows, 1)].map(([operatorId, own]) => [operatorId, bySlot(own)]));
}

/** Money of one account; the snapshot must be scoped to it. */
export async function selectAccountMoney(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<SlotMoney> {
  const values = [...valuesOf('money_account', range), accountId];
  return bySlot(await snapshot.rows('money_of_account', OF_ACCOUNT, values));
}

function valuesOf(rollup: Rollup, range: CellRange): unknown[] {
  return [...cellValues(rollup, range, false), edgesValue(range)];
}

/** A sum with its nine decimals, `12.500000000`, in whole numbers of 1e-9. */
function readNanos(text: string): Nanos {
  return BigInt(text.slice(0, -10) + text.slice(-9));
}

function bySlot(rows: readonly Row[]): SlotMoney {
  const slots: SlotMoney = new Map();
  for (const [slot, , currency, charges, refunds, charged, refunded] of rows) {
    const index = Number(slot) - 1;
    let money = slots.get(index);
    if (money === undefined) {
      money = new Map();
      slots.set(index, money);
    }
    money.set(currency as string, {
      charges: BigInt(charges as string),
      refunds: BigInt(refunds as string),
      charged: readNanos(charged as string),
      refunded: readNanos(refunded as string),
    });
  }
  return slots;
}

/** Messages by outcome, slot by slot: of the platform and its operators, of one account. */
import { addCounts, type Counts } from '../../domain/counts.js';
import {
  ACCOUNT_GRAINS,
  type CellRange,
  cellValues,
  edgesValue,
  fromCells,
  groupRows,
  outcomeBy,
  runsOf,
  settledValue,
  slotBy,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';

// One row holds every outcome of a cell; what is pending in settled cells is UNKNOWN. Cells of one slot are added up
// here rather than in Postgres: most slots are one.
const SETTLED = `cell.bucket < $6::timestamptz`;
const OUTCOMES = `
         CASE WHEN ${SETTLED} THEN 0 ELSE cell.pending END, cell.delivered, cell.undeliverable, cell.expired,
         cell.rejected, cell.deleted, CASE WHEN ${SETTLED} THEN cell.unknown + cell.pending ELSE cell.unknown END,
         cell.contradicted, cell.segments`;

const OF_OPERATORS = `
  SELECT ${slotBy('$5')}, cell.operator_id, ${OUTCOMES}
    ${fromCells('outcome_sum', 'cell.operator_id = ANY ($7::text[])')}`;

const OF_ACCOUNT = `
  SELECT ${slotBy('$5')}, '', ${OUTCOMES}
    ${fromCells('account_outcome_sum', 'cell.account_id = $7')}`;

// Quarters of an hour that no hour of the series holds: the account's rollup, in the columns of its sums.
const isOutcome = (name: string) =>
  `coalesce(sum(cell.messages) FILTER (WHERE ${outcomeBy('$6')} = '${name}'), 0)::bigint`;
const OF_ACCOUNT_BY_QUARTER = `
  SELECT ${slotBy('$5')}, '', ${isOutcome('PENDING')}, ${isOutcome('DELIVERED')}, ${isOutcome('UNDELIVERABLE')},
         ${isOutcome('EXPIRED')}, ${isOutcome('REJECTED')}, ${isOutcome('DELETED')}, ${isOutcome('UNKNOWN')},
         sum(cell.contradicted)::bigint, sum(cell.segments)::bigint
    ${fromCells('outcome_account', 'cell.account_id = $7')}
   GROUP BY 1`;

/** Counts by slot (from 0); slots without messages are missing. */
export type SlotCounts = Map<number, Counts>;

/** Messages of some operators; '' is the sum over all. Of all slots, or of those given. */
export async function selectOutcomes(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Map<string, SlotCounts>> {
  const runs = runsOf(range, { settles: true, slots });
  const values = [...cellValues(range, runs), edgesValue(range), settledValue(range), operatorIds];
  const rows = await snapshot.rows('outcomes', OF_OPERATORS, values);
  return new Map([...groupRows(rows, 1)].map(([id, own]) => [id, bySlot(own)]));
}

function bySlot(rows: readonly Row[]): SlotCounts {
  const slots: SlotCounts = new Map();
  for (const [slot, counts] of rows.map(countsOf)) {
    const before = slots.get(slot);
    if (before === undefined) slots.set(slot, counts);
    else addCounts(before, counts);
  }
  return slots;
}

/** Messages of one account, by slot, each in any number of parts; the snapshot must be scoped to it. */
export async function selectAccountOutcomes(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<[slot: number, counts: Counts][]> {
  const runs = runsOf(range, { grains: ACCOUNT_GRAINS, settles: true });
  const [base] = ACCOUNT_GRAINS.slice(-1);
  const [quarters, sums] = [
    runs.filter((run) => run.grainMinutes === base),
    runs.filter((run) => run.grainMinutes !== base),
  ];
  const rest = [edgesValue(range), settledValue(range), accountId];
  const values = (part: typeof runs) => [...cellValues(range, part), ...rest];
  const read = await Promise.all([
    sums.length > 0 ? snapshot.rows('outcomes_of_account', OF_ACCOUNT, values(sums)) : [],
    quarters.length > 0
      ? snapshot.rows('outcomes_of_account_by_quarter', OF_ACCOUNT_BY_QUARTER, values(quarters))
      : [],
  ]);
  return read.flatMap((rows) => rows.map(countsOf));
}

function countsOf([slot, , ...columns]: Row): [slot: number, counts: Counts] {
  const [pending, delivered, undeliverable, expired, rejected, deleted, unknown, ...across] =
    columns.map((column) => BigInt(column as string)) as SevenAndTwo;
  const failed = undeliverable + expired + rejected + deleted;
  const counts: Counts = {
    accepted: pending + delivered + failed + unknown,
    pending,
    delivered,
    undeliverable,
    expired,
    rejected,
    deleted,
    unknown,
    contradicted: across[0],
    segments: across[1],
  };
  return [Number(slot) - 1, counts];
}

type SevenAndTwo = [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];

/** Messages by outcome, slot by slot: of the platform and its operators, of one account. */
import { addCounts, type Counts, failedCount } from '../../domain/counts.js';
import { OUTCOMES } from '../../domain/outcome.js';
import {
  accountRuns,
  CELL_MINUTE,
  type CellRange,
  cellValues,
  fromCells,
  outcomeBy,
  runsOf,
  settledValue,
  slotFinder,
  sumBySlot,
} from './cells.js';
import type { Row, Snapshot } from './pool.js';
import { NumberScanner } from './scanner.js';

// All cells of one operator or account come as one array; cells of one slot are added up here: most slots are one. What
// is pending in settled cells is UNKNOWN.
const SETTLED = `cell.bucket < $5::timestamptz`;
const CELLS = `
  array_agg(ARRAY[${CELL_MINUTE}, CASE WHEN ${SETTLED} THEN 0 ELSE cell.pending END, cell.delivered, cell.undeliverable,
                  cell.expired, cell.rejected, cell.deleted,
                  CASE WHEN ${SETTLED} THEN cell.unknown + cell.pending ELSE cell.unknown END,
                  cell.contradicted, cell.segments])`;

const OF_OPERATORS = `
  SELECT cell.operator_id, ${CELLS}
    ${fromCells('outcome_sum', 'cell.operator_id = ANY ($6::text[])')}
   GROUP BY 1`;

const OF_ACCOUNT = `
  SELECT $6, ${CELLS}
    ${fromCells('account_outcome_sum', 'cell.account_id = $6')}`;

// Quarters of an hour that no hour of the series holds: the account's rollup, cell by cell in the columns of its sums.
const isOutcome = (name: string) =>
  `CASE WHEN ${outcomeBy('$5')} = '${name}' THEN cell.messages ELSE 0 END`;
const OF_ACCOUNT_BY_QUARTER = `
  SELECT $6, array_agg(ARRAY[${CELL_MINUTE}, ${OUTCOMES.map(isOutcome).join(', ')}, cell.contradicted, cell.segments])
    ${fromCells('outcome_account', 'cell.account_id = $6')}`;

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
  const values = [...cellValues(range, runs), settledValue(range), operatorIds];
  const rows = await snapshot.rows('outcomes', OF_OPERATORS, values);
  return new Map(rows.map((row) => [row[0] as string, sumBySlot(countsIn(row, range), addCounts)]));
}

/** Messages of one account, by slot, each in any number of parts; the snapshot must be scoped to it. */
export async function selectAccountOutcomes(
  snapshot: Snapshot,
  range: CellRange,
  accountId: string,
): Promise<[slot: number, counts: Counts][]> {
  const { sums, quarters } = accountRuns(range, true);
  const rest = [settledValue(range), accountId];
  const values = (part: typeof sums) => [...cellValues(range, part), ...rest];
  const read = await Promise.all([
    sums.length > 0 ? snapshot.rows('outcomes_of_account', OF_ACCOUNT, values(sums)) : [],
    quarters.length > 0
      ? snapshot.rows('outcomes_of_account_by_quarter', OF_ACCOUNT_BY_QUARTER, values(quarters))
      : [],
  ]);
  return read.flat().flatMap((row) => countsIn(row, range));
}

/** The cells of one row, each with its slot. */
function countsIn([, cells]: Row, range: CellRange): [slot: number, counts: Counts][] {
  const found: [number, Counts][] = [];
  const slotOf = slotFinder(range);
  for (const scanner = new NumberScanner(cells ?? ''); scanner.more; ) {
    const slot = slotOf(scanner.number());
    const counts: Counts = {
      accepted: 0n,
      pending: scanner.bigint(),
      delivered: scanner.bigint(),
      undeliverable: scanner.bigint(),
      expired: scanner.bigint(),
      rejected: scanner.bigint(),
      deleted: scanner.bigint(),
      unknown: scanner.bigint(),
      contradicted: scanner.bigint(),
      segments: scanner.bigint(),
    };
    counts.accepted = counts.pending + counts.delivered + failedCount(counts) + counts.unknown;
    found.push([slot, counts]);
  }
  return found;
}

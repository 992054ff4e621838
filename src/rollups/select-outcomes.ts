// Messages by outcome, slot by slot: of the platform and its operators.
import type { CountTable } from '../domain/measures/count-table.js';
import {
  addCounts,
  COUNT_FIELDS,
  type Counts,
  failedCount,
  noCounts,
} from '../domain/measures/counts.js';
import { MICROS_PER_MINUTE } from '../domain/time/instant.js';
import type { Row, Snapshot } from '../postgres/pool.js';
import { CELL_MINUTE, type CellRange, cellValues, fromCells, runsOf, slotFinder } from './cells.js';
import { NumberScanner } from './scanner.js';

/**
 * The numbers of a cell behind its minute. What is seldom stands last, and is left out where it is
 * zero: writing it takes longest.
 */
export const COUNTS_OF_CELL = [
  'delivered',
  'segments',
  'undeliverable',
  'expired',
  'rejected',
  'deleted',
  'unknown',
  'contradicted',
  'pending',
] as const satisfies readonly (keyof Counts)[];
const SELDOM = 'cell.rejected + cell.deleted + cell.unknown + cell.contradicted + cell.pending';

/**
 * The counts of some cells as `readCounts` reads them, in any order. One text of all is made in
 * four fifths of the time of an array; cells of one slot are added up by the reader: most slots are
 * one.
 */
export const COUNTS_OF_CELLS = `
  string_agg(concat_ws(' ', ${CELL_MINUTE}, cell.delivered, cell.segments,
    CASE WHEN cell.undeliverable + cell.expired + ${SELDOM} > 0 THEN concat_ws(' ', cell.undeliverable, cell.expired,
      CASE WHEN ${SELDOM} > 0
           THEN concat_ws(' ', cell.rejected, cell.deleted, cell.unknown, cell.contradicted, cell.pending) END) END), ',')`;

const OF_OPERATORS = `
  SELECT cell.operator_id, ${COUNTS_OF_CELLS}
    ${fromCells('outcome_sum', 'cell.operator_id = ANY ($5::text[])')}
   GROUP BY 1`;

/** Counts by slot (from 0); slots without messages are missing. */
export type SlotCounts = Map<number, Counts>;

/**
 * Messages of some operators, for `outcomesIn`; '' is the sum over all. Of all slots, or of those
 * given.
 */
export function readOutcomes(
  snapshot: Snapshot,
  range: CellRange,
  operatorIds: readonly string[],
  slots?: readonly number[],
): Promise<Row[]> {
  const runs = runsOf(range, { settles: true, slots });
  const values = [...cellValues(range, runs), operatorIds];
  return snapshot.rows('outcomes', OF_OPERATORS, values);
}

/** By operator, then by slot. */
export function outcomesIn(rows: readonly Row[], range: CellRange): Map<string, SlotCounts> {
  return new Map(rows.map((row) => [row[0] as string, countsBySlot(row[1], range)]));
}

function countsBySlot(cells: string | null | undefined, range: CellRange): SlotCounts {
  const slots: SlotCounts = new Map();
  readCounts(cells, range, (slot, counts) => {
    const before = slots.get(slot);
    if (before === undefined) slots.set(slot, counts);
    else addCounts(before, counts);
  });
  return slots;
}

/** Calls `each` with the cells of COUNTS_OF_CELLS: most slots (from 0) are one cell. */
function readCounts(
  cells: string | null | undefined,
  range: CellRange,
  each: (slot: number, counts: Counts) => void,
): void {
  const slotOf = slotFinder(range);
  for (const scanner = new NumberScanner(cells ?? ''); scanner.nextRow(); ) {
    const minute = scanner.number();
    const counts = noCounts();
    const names = isSettled(minute, range) ? SETTLED_COUNTS : COUNTS_OF_CELL;
    for (const name of names) counts[name] += scanner.bigint();
    counts.accepted = counts.pending + counts.delivered + failedCount(counts) + counts.unknown;
    each(slotOf(minute), counts);
  }
}

const isSettled = (minute: number, { settledThrough }: CellRange) =>
  minute * MICROS_PER_MINUTE < settledThrough;

/** What is pending in settled cells is UNKNOWN. */
const SETTLED_COUNTS = COUNTS_OF_CELL.map((name) => (name === 'pending' ? 'unknown' : name));

const columnsOf = (names: readonly (keyof Counts)[]) =>
  names.map((name) => COUNT_FIELDS.indexOf(name));
const ACCEPTED = COUNT_FIELDS.indexOf('accepted');
const COLUMNS = columnsOf(COUNTS_OF_CELL);
const SETTLED_COLUMNS = columnsOf(SETTLED_COUNTS);
const CONTRADICTED = COUNT_FIELDS.indexOf('contradicted');

/**
 * Adds the same cells, of which only those that begin in a minute `asked` for count, to the rows of
 * their slots; the outcomes, whose columns come before the others, make up `accepted`.
 */
export function addCells(
  cells: string | null | undefined,
  range: CellRange,
  table: CountTable,
  asked: (minute: number) => boolean = () => true,
): void {
  const slotOf = slotFinder(range);
  for (const scanner = new NumberScanner(cells ?? ''); scanner.nextRow(); ) {
    const minute = scanner.number();
    if (!asked(minute)) {
      scanner.skipRow();
      continue;
    }
    const slot = slotOf(minute);
    let accepted = 0;
    for (const column of isSettled(minute, range) ? SETTLED_COLUMNS : COLUMNS) {
      const number = scanner.number();
      table.add(slot, column, number);
      if (column < CONTRADICTED) accepted += number;
    }
    table.add(slot, ACCEPTED, accepted);
  }
}

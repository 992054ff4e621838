// The numbers of cells as one text: how a statement writes it and how it is read again. One list
// gives the order of the numbers to both sides. account_usage_day keeps such texts, each with its
// format. Invariant: another order, or another rule for what is left out, is another format.
import type { CountTable } from '../domain/measures/count-table.js';
import { COUNT_FIELDS, type Counts, failedCount, noCounts } from '../domain/measures/counts.js';
import type { CurrencySums, MoneySums } from '../domain/measures/money.js';
import { MICROS_PER_MINUTE } from '../domain/time/instant.js';
import { CELL_MINUTE, type CellRange } from './cells.js';
import { NumberScanner } from './scanner.js';
import { slotFinder } from './slots.js';

/**
 * The format of the texts that COUNTS_OF_CELLS and MONEY_OF_CELLS make. A day of an account in
 * another format counts as not added up. A new format needs a migration with a new index
 * account_usage_day_other_format, by which ingest finds such days.
 */
export const CELL_TEXT_FORMAT = 1;

// A cell is its minute and its numbers, with blanks between; commas divide cells. Where all numbers
// of a group and of those behind it are 0, they are left out: writing them takes longest. Seldom
// numbers come last.
const COUNT_GROUPS = [
  ['delivered', 'segments'],
  ['undeliverable', 'expired'],
  ['rejected', 'deleted', 'unknown', 'contradicted', 'pending'],
] as const satisfies readonly (keyof Counts)[][];
const MONEY_GROUPS = [
  ['charges', 'charged'],
  ['refunds', 'refunded'],
] as const satisfies readonly (keyof MoneySums)[][];

const COUNTS = COUNT_GROUPS.flat();
const MONEY = MONEY_GROUPS.flat();
type CountOfCell = (typeof COUNTS)[number];

const columnOf = (name: string) => `cell.${name}`;

/** Cells as one text, in any order; `numbers` are expressions of a `cell`. */
const textOf = (numbers: readonly string[]) => `string_agg(concat_ws(' ',
      ${CELL_MINUTE},
      ${numbers.join(`,
      `)}), ',')`;

/** The numbers of the groups, without the last ones where these are 0. */
function numbersOf([first = [], ...seldom]: readonly (readonly string[])[]): string[] {
  const numbers = first.map(columnOf).join(', ');
  if (seldom.length === 0) return [numbers];
  const isAny = seldom.flat().map((name) => `${columnOf(name)} <> 0`);
  const behind = `CASE WHEN ${isAny.join(`
             OR `)}
           THEN concat_ws(' ', ${numbersOf(seldom).join(`,
      `)}) END`;
  return [numbers, behind];
}

/**
 * The counts of cells, for `readCounts` and `addCells`. Postgres makes one text in four fifths of
 * the time of an array. The reader adds up the cells of a slot: most slots are one.
 */
export const COUNTS_OF_CELLS = textOf(numbersOf(COUNT_GROUPS));

/** The same of cells that have their counts elsewhere: nothing is left out. */
export const countsOfCells = (numberOf: (name: CountOfCell) => string): string =>
  textOf(COUNTS.map(numberOf));

/**
 * The money of cells, for `readSums`, in two columns: the codes of their currencies, three letters
 * each (ISO 4217), and their numbers.
 */
export const MONEY_OF_CELLS = `string_agg(cell.currency, ''),
    ${textOf(numbersOf(MONEY_GROUPS))}`;
const CODE_LETTERS = 3;

/** Calls `each` with the counts of each cell: most slots (from 0) are one cell. */
export function readCounts(
  cells: string | null | undefined,
  range: CellRange,
  each: (slot: number, counts: Counts) => void,
): void {
  const slotOf = slotFinder(range);
  for (const scanner = new NumberScanner(cells ?? ''); scanner.nextRow(); ) {
    const minute = scanner.number();
    const counts = noCounts();
    const names = isSettled(minute, range) ? SETTLED_COUNTS : COUNTS;
    for (const name of names) counts[name] += scanner.bigint();
    counts.accepted = counts.pending + counts.delivered + failedCount(counts) + counts.unknown;
    each(slotOf(minute), counts);
  }
}

const isSettled = (minute: number, { settledThrough }: CellRange) =>
  minute * MICROS_PER_MINUTE < settledThrough;

/** What is pending in settled cells is UNKNOWN. */
const SETTLED_COUNTS = COUNTS.map((name) => (name === 'pending' ? 'unknown' : name));

const columnsOf = (names: readonly (keyof Counts)[]) =>
  names.map((name) => COUNT_FIELDS.indexOf(name));
const ACCEPTED = COUNT_FIELDS.indexOf('accepted');
const COLUMNS = columnsOf(COUNTS);
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

const READ: Readonly<Record<keyof MoneySums, (from: NumberScanner, to: MoneySums) => void>> = {
  charges(from, to) {
    to.charges = from.bigint();
  },
  charged(from, to) {
    to.charged = from.nanos();
  },
  refunds(from, to) {
    to.refunds = from.bigint();
  },
  refunded(from, to) {
    to.refunded = from.nanos();
  },
};
const READ_MONEY = MONEY.map((name) => READ[name]);

/**
 * Calls `each` with the money of each cell, of which only those count that begin in a minute
 * `asked` for: most slots (from 0) are one cell, which is of one currency.
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
    const sums = { currency, charges: 0n, charged: 0n, refunds: 0n, refunded: 0n };
    for (const read of READ_MONEY) read(scanner, sums);
    each(slotOf(minute), sums);
  }
}

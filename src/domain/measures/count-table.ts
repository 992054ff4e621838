// Counts of many slots of time in one array of numbers, exact up to 2 ** 53: where there are
// hundreds, an object of bigints for each costs more than everything else that an answer is made
// of.
import { COUNT_FIELDS, type Counts } from './counts.js';

const WIDTH = COUNT_FIELDS.length;

/**
 * Rows of counts, a column for each of COUNT_FIELDS. What is outside the rows that it was cleared
 * for must not be asked for.
 */
export class CountTable {
  #numbers = new Float64Array(0);

  /** Gives it so many rows, of nothing. */
  clear(rows: number): void {
    if (this.#numbers.length < rows * WIDTH) this.#numbers = new Float64Array(rows * WIDTH);
    else this.#numbers.fill(0, 0, rows * WIDTH);
  }

  at(row: number, column: number): number {
    return this.#numbers[row * WIDTH + column] as number;
  }

  add(row: number, column: number, more: number): void {
    const at = row * WIDTH + column;
    this.#numbers[at] = (this.#numbers[at] as number) + more;
  }

  /** Adds a row to another one. */
  addRow(to: number, from: number): void {
    for (let column = 0; column < WIDTH; column++) this.add(to, column, this.at(from, column));
  }

  /**
   * The sum of the rows from `first` to before `end`.
   * @throws {RangeError} a number is too large to be exact
   */
  sum(first: number, end: number): Counts {
    const sums = COUNT_FIELDS.map((name, column) => {
      let sum = 0;
      for (let row = first; row < end; row++) sum += this.at(row, column);
      if (!Number.isSafeInteger(sum)) throw new RangeError(`${name} is beyond 2 ** 53: ${sum}`);
      return [name, BigInt(sum)];
    });
    return Object.fromEntries(sums) as Counts;
  }
}

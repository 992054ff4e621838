// Whole numbers in a text that Postgres has put together of many rows: one long text is read in a
// fraction of the time that as many rows of short ones take, on both sides.

const ZERO = 0x30;
/** As a digit. */
const COMMA = 0x2c - ZERO;
/** So many digits are exact as a number. */
const SAFE_DIGITS = 15;
/** Times 1e9 below 2 ** 53. */
const SAFE_AMOUNT = 9_000_000;

/** Most numbers are small, and these need not be made. */
const SMALL = Array.from({ length: 1_024 }, (_, i) => BigInt(i));

/**
 * Reads the numbers of rows that commas divide, whatever else stands between them. Those that a row
 * leaves out at its end are 0.
 */
export class NumberScanner {
  #at = 0;
  #rowEnded = false;

  constructor(private readonly text: string) {
    this.#skip();
  }

  /** Whether there is another row: it begins there. */
  nextRow(): boolean {
    this.#rowEnded = false;
    return this.#at < this.text.length;
  }

  /** Leaves out what is left of the row. */
  skipRow(): void {
    if (this.#rowEnded) return;
    const comma = this.text.indexOf(',', this.#at);
    this.#at = comma < 0 ? this.text.length : comma;
    this.#skip();
  }

  /** The next number of the row. Exact up to 2 ** 53. */
  number(): number {
    if (this.#rowEnded) return 0;
    const { text } = this;
    let value = 0;
    for (let digit = text.charCodeAt(this.#at) - ZERO; digit >= 0 && digit <= 9; ) {
      value = value * 10 + digit;
      digit = text.charCodeAt(++this.#at) - ZERO;
    }
    this.#skip();
    return value;
  }

  /** Exact whatever its size. */
  bigint(): bigint {
    const start = this.#at;
    const value = this.number();
    if (this.#at - start <= SAFE_DIGITS) return SMALL[value] ?? BigInt(value);
    return BigInt(/^\d+/.exec(this.text.slice(start))?.[0] ?? 0);
  }

  /**
   * An amount with nine decimals, as numeric(38, 9) is written, in whole numbers of 1e-9. Exact
   * whatever its size.
   */
  nanos(): bigint {
    const start = this.#at;
    const whole = this.number();
    const decimals = this.number();
    if (whole === 0 && decimals === 0) return 0n;
    if (whole < SAFE_AMOUNT) return BigInt(whole * 1e9 + decimals);
    return BigInt(/^\d+\.\d{9}/.exec(this.text.slice(start))?.[0].replace('.', '') ?? 0);
  }

  #skip(): void {
    const { text } = this;
    for (; this.#at < text.length; this.#at++) {
      const digit = text.charCodeAt(this.#at) - ZERO;
      if (digit >= 0 && digit <= 9) return;
      if (digit === COMMA) this.#rowEnded = true;
    }
  }
}

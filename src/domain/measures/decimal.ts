// Money as exact decimals: whole numbers of 1e-9 inside, plain decimal text at the edges. No amount
// passes through a floating-point number that could not tell it from every other amount.

import { keep } from './kept.js';

/** A number of 1e-9 currency units. */
export type Nanos = bigint;

const FRACTION_DIGITS = 9;
const MAX_INTEGER_DIGITS = 18;
const ZERO = 0x30;
const POINT = 0x2e;

/**
 * The amount that a text names, or undefined. Accepted is `(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?`:
 * no sign, no exponent, no blanks, no separators. A leading zero (`01.50`) is refused: whoever
 * writes one does not write decimals, and it keeps one spelling per integer part.
 */
export function parseAmount(text: string): Nanos | undefined {
  const length = text.length;
  if (length === 0 || length > MAX_INTEGER_DIGITS + 1 + FRACTION_DIGITS) return undefined;
  let point = -1;
  for (let at = 0; at < length; at++) {
    const char = text.charCodeAt(at);
    if (char === POINT && point < 0) point = at;
    else if (char < ZERO || char > ZERO + 9) return undefined;
  }
  const integerDigits = point < 0 ? length : point;
  const fractionDigits = point < 0 ? 0 : length - point - 1;
  if (integerDigits === 0 || integerDigits > MAX_INTEGER_DIGITS) return undefined;
  if (integerDigits > 1 && text.charCodeAt(0) === ZERO) return undefined;
  if (point >= 0 && (fractionDigits === 0 || fractionDigits > FRACTION_DIGITS)) return undefined;
  // Six integer digits and nine decimals stay below 2^53, so that the usual amount needs one
  // bigint.
  if (integerDigits <= 6) {
    const integer = Number(point < 0 ? text : text.slice(0, point)) * 1e9;
    const fraction = point < 0 ? 0 : Number(text.slice(point + 1)) * 10 ** (9 - fractionDigits);
    return BigInt(integer + fraction);
  }
  const digits = point < 0 ? text : text.slice(0, point) + text.slice(point + 1);
  return BigInt(digits) * 10n ** BigInt(FRACTION_DIGITS - fractionDigits);
}

/**
 * A decimal of up to 15 digits is the shortest text of the double nearest to it, which is what
 * String gives (ECMA-262, Number::toString; DBL_DIG of C). Below 1e-6 String gives an exponent.
 */
const [MIN_SHORT, MAX_SHORT] = [1e3, 1e15];

/**
 * The texts of amounts below a whole unit, of which there are few: most messages have one of some
 * prices.
 */
const knownTexts = new Map<number, string>();
const WHOLE_UNIT = 1e9;

/**
 * Of an amount between MIN_SHORT and MAX_SHORT. Finding it takes a quarter of the time of making
 * it.
 */
function shortText(small: number): string {
  if (small >= WHOLE_UNIT) return String(small / WHOLE_UNIT);
  const known = knownTexts.get(small);
  if (known !== undefined) return known;
  const text = String(small / WHOLE_UNIT);
  keep(knownTexts, small, text);
  return text;
}

/** The shortest plain decimal text of `nanos`: `12.5`, `0`, `-0.000000001`; never an exponent. */
export function formatNanos(nanos: Nanos): string {
  if (nanos < 0n) return `-${formatNanos(-nanos)}`;
  const small = Number(nanos);
  if (small === 0) return '0';
  if (small >= MIN_SHORT && small < MAX_SHORT) return shortText(small);
  const digits = nanos.toString().padStart(FRACTION_DIGITS + 1, '0');
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const integer = digits.slice(0, -FRACTION_DIGITS);
  return fraction === '' ? integer : `${integer}.${fraction}`;
}

/**
 * Money as exact decimals: whole numbers of 1e-9 inside, plain decimal text at the edges. No amount
 * ever passes through a floating-point number.
 */

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
  // Six integer digits and nine decimals stay below 2^53, so that the usual amount needs one bigint.
  if (integerDigits <= 6) {
    const integer = Number(point < 0 ? text : text.slice(0, point)) * 1e9;
    const fraction = point < 0 ? 0 : Number(text.slice(point + 1)) * 10 ** (9 - fractionDigits);
    return BigInt(integer + fraction);
  }
  const digits = point < 0 ? text : text.slice(0, point) + text.slice(point + 1);
  return BigInt(digits) * 10n ** BigInt(FRACTION_DIGITS - fractionDigits);
}

/** The shortest plain decimal text of `nanos`: `12.5`, `0`, `-0.000000001`; never an exponent. */
export function formatNanos(nanos: Nanos): string {
  if (nanos < 0n) return `-${formatNanos(-nanos)}`;
  // Below 2 ** 53 nanos, nine million units, numbers are exact, and faster.
  const small = Number(nanos);
  if (small <= Number.MAX_SAFE_INTEGER) {
    let units = Math.floor(small / 1e9);
    // The quotient is rounded, and may be one too many.
    if (units * 1e9 > small) units--;
    return withFraction(String(units), small - units * 1e9);
  }
  return withFraction((nanos / 1_000_000_000n).toString(), Number(nanos % 1_000_000_000n));
}

function withFraction(integer: string, nanos: number): string {
  if (nanos === 0) return integer;
  let digits = FRACTION_DIGITS;
  // Below 2 ** 30, as integers: remainders of floating-point numbers take ten times as long.
  let fraction = nanos | 0;
  for (; fraction % 10 === 0; fraction = (fraction / 10) | 0) digits--;
  return `${integer}.${String(fraction).padStart(digits, '0')}`;
}

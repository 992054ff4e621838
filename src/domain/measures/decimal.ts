// Money as exact decimals: whole numbers of 1e-9 inside, plain decimal text at the edges. No amount
// passes through a floating-point number that could not tell it from every other amount.

/** A number of 1e-9 currency units. */
export type Nanos = bigint;

const FRACTION_DIGITS = 9;
/** No sign, no exponent, no blanks, no separators, and one spelling of each integer part. */
const AMOUNT = /^(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,9}))?$/;

/** The amount that a text names, or undefined where it is not of the form of {@link AMOUNT}. */
export function parseAmount(text: string): Nanos | undefined {
  const match = AMOUNT.exec(text);
  if (match === null) return undefined;
  const [, integer = '', fraction = ''] = match;
  return BigInt(integer + fraction.padEnd(FRACTION_DIGITS, '0'));
}

/**
 * A decimal of up to 15 digits is the shortest text of the double nearest to it, which is what
 * String gives (ECMA-262, Number::toString; DBL_DIG of C). Below 1e-6 String gives an exponent.
 */
const [MIN_SHORT, MAX_SHORT] = [1e3, 1e15];
const WHOLE_UNIT = 1e9;

/** The shortest plain decimal text of `nanos`: `12.5`, `0`, `-0.000000001`; never an exponent. */
export function formatNanos(nanos: Nanos): string {
  if (nanos < 0n) return `-${formatNanos(-nanos)}`;
  const small = Number(nanos);
  if (small === 0) return '0';
  if (small >= MIN_SHORT && small < MAX_SHORT) return String(small / WHOLE_UNIT);
  const digits = nanos.toString().padStart(FRACTION_DIGITS + 1, '0');
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const integer = digits.slice(0, -FRACTION_DIGITS);
  return fraction === '' ? integer : `${integer}.${fraction}`;
}

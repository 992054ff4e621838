import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNanos, parseAmount } from '../../../../src/domain/measures/decimal.js';

describe('an amount', () => {
  it.each([
    ['0', 0n],
    ['0.0', 0n],
    ['1', 1_000_000_000n],
    ['0.1', 100_000_000n],
    ['0.000000001', 1n],
    ['12.50', 12_500_000_000n],
    ['999999.999999999', 999_999_999_999_999n],
    ['1000000.1', 1_000_000_100_000_000n],
    ['999999999999999999.999999999', 999_999_999_999_999_999_999_999_999n],
  ])('%s is %d billionths', (text, nanos) => {
    expect(parseAmount(text)).toBe(nanos);
  });

  it.each([
    '',
    '-1',
    '-0',
    '+1',
    'NaN',
    'Infinity',
    '1e400',
    '1e2',
    '1,000.00',
    '1.',
    '.5',
    '.',
    '1..2',
    '1.2.3',
    ' 1',
    '1 ',
    '01',
    '00',
    '00.5',
    '0x10',
    '1_000',
    '１',
    '1.0000000000',
    '0.123456789012345678901234567890',
    '1000000000000000000',
    '9'.repeat(60_000),
  ])('%.40j is no amount', (text) => {
    expect(parseAmount(text)).toBeUndefined();
  });

  const nanosUpTo = (max: bigint) => fc.bigInt({ min: 0n, max: max - 1n });
  const nearUnits = fc
    .tuple(fc.bigInt(1n, 9_007_199n), fc.bigInt(-2n, 2n))
    .map(([units, by]) => units * 1_000_000_000n + by);

  it('is written as it is read, in its shortest form', () => {
    fc.assert(
      fc.property(fc.oneof(nanosUpTo(10n ** 27n), nanosUpTo(2n ** 53n), nearUnits), (nanos) => {
        const text = formatNanos(nanos);
        expect(parseAmount(text)).toBe(nanos);
        expect(text).toMatch(/^(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/);
      }),
    );
    expect(formatNanos(-1n)).toBe('-0.000000001');
    expect(formatNanos(-12_500_000_000n)).toBe('-12.5');
  });

  it('sums exactly: a million times 0.1 + 0.2 is 300000', () => {
    let sum = 0n;
    for (let time = 0; time < 1_000_000; time++) {
      sum += (parseAmount('0.1') as bigint) + (parseAmount('0.2') as bigint);
    }
    expect(formatNanos(sum)).toBe('300000');
  });
});

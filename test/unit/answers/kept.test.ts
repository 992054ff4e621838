// What answers keep instead of making it anew is what would be made.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amountText, keep } from '../../../src/answers/wire/kept.js';
import { formatNanos } from '../../../src/domain/measures/decimal.js';

describe('the text of an amount', () => {
  it('is what formatNanos gives, the first time and later, of few amounts or of many', () => {
    const amount = fc.oneof(
      fc.bigInt({ min: -(10n ** 10n), max: 10n ** 10n }),
      fc.constantFrom(0n, 1n, 999n, 1_000n, 999_999_999n, 1_000_000_000n, 10n ** 24n),
    );
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 50 }), (amounts) => {
        const expected = amounts.map(formatNanos);
        expect(amounts.map(amountText)).toEqual(expected);
        expect(amounts.map(amountText)).toEqual(expected);
      }),
      { seed: 6, numRuns: 500 },
    );
  });
});

describe('what is kept', () => {
  it('is 4,096 entries at most', () => {
    const kept = new Map<number, string>();
    const sizes = Array.from({ length: 10_000 }, (_, i) => {
      keep(kept, i, String(i));
      return kept.size;
    });
    expect(Math.max(...sizes)).toBe(4_096);
    expect(kept.get(9_999)).toBe('9999');
  });
});

// Rates against numbers from the literature, and the settling of buckets.
import { describe, expect, it } from 'vitest';
import { addOutcome, noCounts } from '../../../../src/domain/measures/counts.js';
import { rateOf, ratesOf } from '../../../../src/domain/measures/rates.js';
import { formatInstant, parseInstant } from '../../../../src/domain/time/instant.js';
import { bucketState, settledThrough } from '../../../../src/domain/time/settling.js';

describe('a rate', () => {
  // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
  // Medicine 17 (1998), table I, method 3.
  it.each([
    [81n, 263n, 0.2553, 0.3662],
    [15n, 148n, 0.0624, 0.1605],
    [0n, 20n, 0, 0.1611],
    [1n, 29n, 0.0061, 0.1718],
  ])('of %s in %s has the published Wilson interval', (numerator, denominator, low, high) => {
    const rate = rateOf(numerator, denominator);
    expect(rate?.wilsonLow).toBeCloseTo(low, 4);
    expect(rate?.wilsonHigh).toBeCloseTo(high, 4);
  });

  it('is absent without a denominator', () => {
    expect(rateOf(0n, 0n)).toBeUndefined();
    expect(Object.values(ratesOf(noCounts()))).toEqual(Array(4).fill(undefined));
  });

  it('reaches exactly 0 and 1 and is marked below 30', () => {
    expect(rateOf(0n, 29n)).toMatchObject({ value: 0, wilsonLow: 0, lowSample: true });
    expect(rateOf(30n, 30n)).toMatchObject({ value: 1, wilsonHigh: 1, lowSample: false });
  });

  it('is made of the counts that the contract names', () => {
    const counts = noCounts();
    addOutcome(counts, 'PENDING', 10n, 0n, 0n);
    addOutcome(counts, 'DELIVERED', 60n, 70n, 2n);
    addOutcome(counts, 'UNDELIVERABLE', 8n, 0n, 0n);
    addOutcome(counts, 'EXPIRED', 4n, 0n, 0n);
    addOutcome(counts, 'REJECTED', 2n, 0n, 0n);
    addOutcome(counts, 'DELETED', 1n, 0n, 0n);
    addOutcome(counts, 'UNKNOWN', 15n, 0n, 0n);
    expect(counts).toMatchObject({ accepted: 100n, segments: 70n, contradicted: 2n });
    const rates = ratesOf(counts);
    expect(rates.deliveryRate).toMatchObject({ numerator: 60n, denominator: 100n, value: 0.6 });
    expect(rates.settledDeliveryRate).toMatchObject({ numerator: 60n, denominator: 90n });
    expect(rates.failureRate).toMatchObject({ numerator: 15n, denominator: 100n });
    expect(rates.receiptCoverage).toMatchObject({ numerator: 75n, denominator: 100n });
  });
});

describe('settling', () => {
  const at = (text: string) => parseInstant(text) as number;

  it('is 72 hours before data_as_of, floored to a quarter hour', () => {
    expect(formatInstant(settledThrough(at('2026-11-22T12:14:59.999999Z')))).toBe(
      '2026-11-19T12:00:00.000000Z',
    );
  });

  it('makes a bucket open, provisional, settled in turn', () => {
    const [asOf, settled] = [at('2026-11-22T12:00:00Z'), at('2026-11-19T12:00:00Z')];
    expect(bucketState(asOf + 1, asOf, settled)).toBe('open');
    expect(bucketState(asOf, asOf, settled)).toBe('provisional');
    expect(bucketState(settled + 1, asOf, settled)).toBe('provisional');
    expect(bucketState(settled, asOf, settled)).toBe('settled');
  });
});

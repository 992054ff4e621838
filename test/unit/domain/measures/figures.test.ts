// Percentiles, money and orders.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldViolation } from '../../../../src/domain/failure.js';
import { valueMicrosOf } from '../../../../src/domain/measures/latency.js';
import { perMessage } from '../../../../src/domain/measures/money.js';
import { compareValues, readOrder } from '../../../../src/domain/measures/ordering.js';
import { noBins, percentilesOf } from '../../../../src/domain/measures/percentile.js';
import { quantileMicros } from '../../../oracle/bin-quantile.js';
import { binCountsOf } from '../../../support/bin-counts.js';

describe('percentiles', () => {
  it('are the values at ranks 50, 90, 95 and 99 of a hundred', () => {
    const bins = binCountsOf(Array.from({ length: 100 }, (_, i) => [i + 1, 1] as const));
    expect(percentilesOf(bins)).toEqual({
      delivered: 100,
      p50: valueMicrosOf(50),
      p90: valueMicrosOf(90),
      p95: valueMicrosOf(95),
      p99: valueMicrosOf(99),
    });
  });

  it('do not exist where nothing was delivered', () => {
    expect(percentilesOf(noBins())).toBeUndefined();
    expect(percentilesOf(binCountsOf([[7, 0]]))).toBeUndefined();
  });

  it('agree with the single quantile of the latency bins', () => {
    const someBins = fc.array(fc.tuple(fc.integer({ min: 0, max: 600 }), fc.nat(1000)));
    fc.assert(
      fc.property(someBins, (entries) => {
        const bins = new Map(entries);
        const counts = new Map([...bins].map(([bin, messages]) => [bin, BigInt(messages)]));
        const found = percentilesOf(binCountsOf(bins));
        expect(found?.p50).toBe(quantileMicros(counts, 0.5));
        expect(found?.p90).toBe(quantileMicros(counts, 0.9));
        expect(found?.p95).toBe(quantileMicros(counts, 0.95));
        expect(found?.p99).toBe(quantileMicros(counts, 0.99));
      }),
    );
  });
});

describe('money per message', () => {
  it.each([
    [10n, 4n, 2n], // 2.5 to even
    [14n, 4n, 4n], // 3.5 to even
    [11n, 4n, 3n], // 2.75
    [9n, 4n, 2n], // 2.25
    [-10n, 4n, -2n],
    [-14n, 4n, -4n],
    [-11n, 4n, -3n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
    [0n, 3n, 0n],
  ])('%s over %s is %s, half to even', (amount, count, quotient) => {
    expect(perMessage(amount, count)).toBe(quotient);
  });

  it('is the nearest whole number, and the even one of two', () => {
    const sizes = [6, 40, 51, 52, 53, 90].map((bits) =>
      fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) }),
    );
    const products = fc
      .tuple(
        fc.bigInt({ min: 1n, max: 2n ** 20n }),
        fc.bigInt({ min: 1n, max: 2n ** 40n }),
        fc.bigInt(-3n, 3n),
      )
      .map(([count, half, by]) => [(count * half) / 2n + by, count] as const);
    const pairs = fc.oneof(fc.tuple(fc.oneof(...sizes), fc.oneof(...sizes)), products);
    fc.assert(
      fc.property(pairs, fc.boolean(), ([size, count], negative) => {
        fc.pre(count > 0n && size >= 0n);
        const amount = negative ? -size : size;
        const quotient = perMessage(amount, count) as bigint;
        const rest = 2n * (amount - quotient * count);
        const off = rest < 0n ? -rest : rest;
        expect(off < count || (off === count && quotient % 2n === 0n)).toBe(true);
      }),
    );
  });

  it('does not exist without messages', () => {
    expect(perMessage(1n, 0n)).toBeUndefined();
  });
});

describe('an order', () => {
  const fallback = [{ field: 'a', descending: true }] as const;
  const read = (text: string) => {
    const violations: FieldViolation[] = [];
    const order = readOrder(text, ['a', 'b_c'] as const, fallback, violations);
    return { order, fields: violations.map((violation) => violation.field) };
  };

  it('is a list of fields, each descending where it says so', () => {
    expect(read('b_c desc,a').order).toEqual([
      { field: 'b_c', descending: true },
      { field: 'a', descending: false },
    ]);
    expect(read('  a  ,  b_c   desc ').fields).toEqual([]);
    expect(read('')).toEqual({ order: fallback, fields: [] });
  });

  it.each([
    'c',
    'a,',
    ',',
    ' ',
    'a asc',
    'a DESC',
    'a desc desc',
    'a;drop',
    'a,a',
    'A',
    '__proto__',
    "a'--",
    `a${',a'.repeat(100_000)}`,
  ])('%.20j is refused', (text) => {
    expect(read(text).fields).toEqual(['order_by']);
  });

  it('puts absent values last in both directions', () => {
    const sorted = (descending: boolean) =>
      [{ v: 3 }, { v: undefined }, { v: 1 }].sort((l, r) => compareValues(l.v, r.v, descending));
    expect(sorted(false).map(({ v }) => v)).toEqual([1, 3, undefined]);
    expect(sorted(true).map(({ v }) => v)).toEqual([3, 1, undefined]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binOf,
  LATENCY_RELATIVE_ERROR,
  valueMicrosOf,
} from '../../../../src/domain/measures/latency.js';
import { quantileMicros } from '../../../oracle/bin-quantile.js';

// Floating-point rounding at a bin's edge.
const ROUNDING = 1e-9;
const FIFTY_DAYS_MICROS = 50 * 86_400 * 1_000_000;

const latency = fc.oneof(
  fc.integer({ min: 0, max: 1_000 }),
  fc.integer({ min: 0, max: FIFTY_DAYS_MICROS }),
  fc
    .double({ min: 0, max: Math.log(FIFTY_DAYS_MICROS), noNaN: true })
    .map((x) => Math.floor(Math.exp(x))),
);

function countsOf(latencies: readonly number[]): Map<number, bigint> {
  const counts = new Map<number, bigint>();
  for (const micros of latencies) counts.set(binOf(micros), (counts.get(binOf(micros)) ?? 0n) + 1n);
  return counts;
}

describe('a latency bin', () => {
  it('stands for its latencies within 2.5 %', () => {
    fc.assert(
      fc.property(latency, (micros) => {
        const answered = valueMicrosOf(binOf(micros));
        expect(Math.abs(answered - micros)).toBeLessThanOrEqual(
          micros * (LATENCY_RELATIVE_ERROR + ROUNDING),
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it('grows with the latency and fits a smallint', () => {
    fc.assert(
      fc.property(latency, latency, (left, right) => {
        if (left <= right) expect(binOf(left)).toBeLessThanOrEqual(binOf(right));
      }),
    );
    expect(binOf(0)).toBe(0);
    expect(binOf(1)).toBe(1);
    expect(binOf(FIFTY_DAYS_MICROS)).toBeLessThan(32_767);
    expect(valueMicrosOf(0)).toBe(0);
  });

  it('is refused for what is no latency', () => {
    for (const micros of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => binOf(micros)).toThrow(RangeError);
    }
  });
});

describe('a latency percentile', () => {
  const latencies = fc.array(latency, { minLength: 1, maxLength: 200 });
  const percent = fc.integer({ min: 0, max: 100 });

  it('is within 2.5 % of the nearest rank of the latencies themselves', () => {
    fc.assert(
      fc.property(latencies, percent, (all, p) => {
        const sorted = [...all].sort((left, right) => left - right);
        // Nearest rank in whole numbers: ceil(p * n / 100), at least 1.
        const rank = Math.max(1, Math.floor((p * sorted.length + 99) / 100));
        const truth = sorted[rank - 1] as number;
        const answered = quantileMicros(countsOf(all), p / 100) as number;
        expect(Math.abs(answered - truth)).toBeLessThanOrEqual(
          truth * (LATENCY_RELATIVE_ERROR + ROUNDING),
        );
      }),
    );
  });

  it('of the latencies 1 to 100 s is 50 s in the middle and 95 s at p95', () => {
    const counts = countsOf(Array.from({ length: 100 }, (_, at) => (at + 1) * 1_000_000));
    expect(Math.abs((quantileMicros(counts, 0.5) as number) / 50e6 - 1)).toBeLessThan(0.025);
    expect(Math.abs((quantileMicros(counts, 0.95) as number) / 95e6 - 1)).toBeLessThan(0.025);
    expect(Math.abs((quantileMicros(counts, 0.99) as number) / 99e6 - 1)).toBeLessThan(0.025);
  });

  it('is absent where nothing was delivered', () => {
    expect(quantileMicros(new Map(), 0.5)).toBeUndefined();
    expect(quantileMicros(new Map([[3, 0n]]), 0.5)).toBeUndefined();
  });
});

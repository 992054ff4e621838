// Shares of messages, with what they are made of and how much they can be trusted. Invariant: a
// rate without a denominator does not exist; it is never answered as 0.
import { type Counts, failedCount } from './counts.js';

/** numerator / denominator, 0 to 1. */
export interface Rate {
  readonly numerator: bigint;
  /** Above 0. */
  readonly denominator: bigint;
  readonly value: number;
  /** Lower bound of the 95 % Wilson score interval. */
  readonly wilsonLow: number;
  /** Upper bound of the 95 % Wilson score interval. */
  readonly wilsonHigh: number;
  /** The denominator is below 30. */
  readonly lowSample: boolean;
}

/** The four rates of contract section 3. */
export interface Rates {
  readonly deliveryRate: Rate | undefined;
  readonly settledDeliveryRate: Rate | undefined;
  readonly failureRate: Rate | undefined;
  readonly receiptCoverage: Rate | undefined;
}

/** The 97.5th percentile of the standard normal distribution. */
const Z = 1.959963984540054;
const LOW_SAMPLE_BELOW = 30n;

/**
 * The rate, or undefined where `denominator` is 0. The interval is E. B. Wilson's, "Probable
 * inference, the law of succession, and statistical inference", JASA 22 (1927), without continuity
 * correction: it stays inside 0 to 1 and has a width at 0 and at 1.
 */
export function rateOf(numerator: bigint, denominator: bigint): Rate | undefined {
  if (denominator <= 0n) return undefined;
  const n = Number(denominator);
  const p = Number(numerator) / n;
  const zz = Z * Z;
  const center = (p + zz / (2 * n)) / (1 + zz / n);
  const half = (Z / (1 + zz / n)) * Math.sqrt((p * (1 - p)) / n + zz / (4 * n * n));
  return {
    numerator,
    denominator,
    value: p,
    wilsonLow: numerator === 0n ? 0 : Math.max(0, center - half),
    wilsonHigh: numerator === denominator ? 1 : Math.min(1, center + half),
    lowSample: denominator < LOW_SAMPLE_BELOW,
  };
}

/** The four rates of some messages. */
export function ratesOf(counts: Counts): Rates {
  const failed = failedCount(counts);
  return {
    deliveryRate: rateOf(counts.delivered, counts.accepted),
    settledDeliveryRate: rateOf(counts.delivered, counts.accepted - counts.pending),
    failureRate: rateOf(failed, counts.accepted),
    receiptCoverage: rateOf(counts.delivered + failed, counts.accepted),
  };
}

/**
 * The four percentiles of an answer, from latency bins. Many buckets are answered at once, so all
 * four are found in one pass over sorted bins; the rule is that of `quantileMicros` in latency.ts.
 */
import { valueMicrosOf } from './latency.js';

/** Delivered messages by latency bin. */
export type BinCounts = Map<number, number>;

/** In microseconds; each within 2.5 % of the truth. */
export interface Percentiles {
  readonly delivered: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

const PERCENTS = [50, 90, 95, 99] as const;

/** Adds `more` to `bins`, in place. */
export function addBins(bins: BinCounts, more: BinCounts): void {
  for (const [bin, messages] of more) bins.set(bin, (bins.get(bin) ?? 0) + messages);
}

/** p50, p90, p95 and p99 by nearest rank, or undefined where nothing was delivered. */
export function percentilesOf(bins: BinCounts): Percentiles | undefined {
  const sorted = [...bins].filter((entry) => entry[1] > 0).sort((a, b) => a[0] - b[0]);
  const delivered = sorted.reduce((sum, [, messages]) => sum + messages, 0);
  if (delivered === 0) return undefined;
  const found: number[] = [];
  let seen = 0;
  for (const [bin, messages] of sorted) {
    seen += messages;
    // Multiplied before it is divided: the rank is exact in whole numbers.
    while (
      found.length < PERCENTS.length &&
      seen >= Math.ceil((delivered * (PERCENTS[found.length] as number)) / 100)
    ) {
      found.push(valueMicrosOf(bin));
    }
  }
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = found;
  return { delivered, p50, p90, p95, p99 };
}

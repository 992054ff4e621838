// Latency bins as a test writes them.

import { type BinCounts, noBins } from '../../src/domain/measures/percentile.js';

/** The bins of some pairs of bin and messages, in any order. */
export function binCountsOf(entries: Iterable<readonly [number, number]>): BinCounts {
  const all = [...entries];
  if (all.length === 0) return noBins();
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [bin] of all) {
    if (bin < first) first = bin;
    if (bin > last) last = bin;
  }
  const counts = new Float64Array(last - first + 1);
  for (const [bin, messages] of all) counts[bin - first] = (counts[bin - first] ?? 0) + messages;
  return { first, counts };
}

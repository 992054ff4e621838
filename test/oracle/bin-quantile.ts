// One quantile of latencies counted by bin, in whole numbers: the rule that `percentilesOf` is held
// to.

import { valueMicrosOf } from '../../src/domain/measures/latency.js';

/** How many messages fell in each bin; bins without messages may be missing or 0. */
export type LatencyCounts = ReadonlyMap<number, bigint>;

const QUANTILE_UNITS = 1_000_000n;

/**
 * The `quantile` (0 to 1, read to six decimals) in microseconds by nearest rank: the value of the
 * message at rank ceil(quantile * n), at least 1, among n messages. Undefined where n is 0.
 */
export function quantileMicros(counts: LatencyCounts, quantile: number): number | undefined {
  let total = 0n;
  for (const count of counts.values()) total += count;
  if (total === 0n) return undefined;
  const scaled = total * BigInt(Math.round(quantile * Number(QUANTILE_UNITS)));
  let rank = (scaled + QUANTILE_UNITS - 1n) / QUANTILE_UNITS;
  if (rank < 1n) rank = 1n;
  let last = 0;
  for (const bin of [...counts.keys()].sort((left, right) => left - right)) {
    const count = counts.get(bin) ?? 0n;
    if (count > 0n) last = bin;
    rank -= count;
    if (rank <= 0n) return valueMicrosOf(bin);
  }
  return valueMicrosOf(last);
}

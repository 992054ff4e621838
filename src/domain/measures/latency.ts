// Latencies as counts per logarithmic bin: small, mergeable, and subtractable when a message moves.
// Bins follow DDSketch's mapping (Masson, Rim, Lee, VLDB 2019, section 2): every value is answered
// within 2.5 % of the truth, half of what the contract allows.

/** Largest relative error of an answered latency. */
export const LATENCY_RELATIVE_ERROR = 0.025;

const GAMMA = (1 + LATENCY_RELATIVE_ERROR) / (1 - LATENCY_RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);

/** How many messages fell in each bin; bins without messages may be missing or 0. */
export type LatencyCounts = ReadonlyMap<number, bigint>;

/**
 * The bin of a latency in microseconds: 0 for no latency at all, else 1 + the least i with
 * latency <= gamma^i. A smallint: 50 days are in bin 583.
 * @throws {RangeError} a negative or non-finite latency; decoding clamps it before.
 */
export function binOf(latencyMicros: number): number {
  if (!(latencyMicros >= 0 && latencyMicros < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`latency out of range: ${latencyMicros}`);
  }
  return latencyMicros < 1 ? 0 : 1 + Math.ceil(Math.log(latencyMicros) / LOG_GAMMA);
}

/** The latency in microseconds that stands for a bin: within 2.5 % of every latency in it. */
export function valueMicrosOf(bin: number): number {
  return bin <= 0 ? 0 : (2 * GAMMA ** (bin - 1)) / (GAMMA + 1);
}

/** Counts of both together. */
export function addCounts(left: LatencyCounts, right: LatencyCounts): Map<number, bigint> {
  const sum = new Map(left);
  for (const [bin, count] of right) sum.set(bin, (sum.get(bin) ?? 0n) + count);
  return sum;
}

/**
 * Counts of `left` without those of `right`.
 * @throws {RangeError} `right` holds more of a bin than `left`: it was never added.
 */
export function subtractCounts(left: LatencyCounts, right: LatencyCounts): Map<number, bigint> {
  const rest = new Map(left);
  for (const [bin, count] of right) {
    const remaining = (rest.get(bin) ?? 0n) - count;
    if (remaining < 0n) throw new RangeError(`latency bin ${bin} would fall below zero`);
    if (remaining === 0n) rest.delete(bin);
    else rest.set(bin, remaining);
  }
  return rest;
}

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

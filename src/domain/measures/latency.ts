// Latencies as counts per logarithmic bin: small, mergeable, and subtractable when a message moves.
// Bins follow DDSketch's mapping (Masson, Rim, Lee, VLDB 2019, section 2): every value is answered
// within 2.5 % of the truth, half of what the contract allows.

/** Largest relative error of an answered latency. */
export const LATENCY_RELATIVE_ERROR = 0.025;

const GAMMA = (1 + LATENCY_RELATIVE_ERROR) / (1 - LATENCY_RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);

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

// Latency bins of an answer, and the four percentiles that it tells of them. Bins stand densely
// from the first to the last that is used: hundreds of buckets are answered at once, and adding
// arrays costs a tenth of adding maps. The percentiles are by nearest rank.
import { valueMicrosOf } from './latency.js';

/**
 * Delivered messages by latency bin: `counts[i]` are those of bin `first + i`. Exact up to 2^53.
 */
export interface BinCounts {
  first: number;
  counts: Float64Array | number[];
  /** What `percentilesOf` found; undefined until it looked, null where nothing was delivered. */
  found?: Percentiles | null;
}

/** In microseconds; each within 2.5 % of the truth. */
export interface Percentiles {
  readonly delivered: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

const PERCENTS = [50, 90, 95, 99] as const;

/** No delivered messages at all. */
export function noBins(): BinCounts {
  return { first: 0, counts: new Float64Array(0) };
}

/** Adds `more` to `bins`, in place. */
export function addBins(bins: BinCounts, more: BinCounts): void {
  const added = more.counts;
  if (added.length === 0) return;
  const shift = coverBins(bins, more.first, added.length);
  const { counts } = bins;
  for (let i = 0; i < added.length; i++) {
    counts[shift + i] = (counts[shift + i] as number) + (added[i] as number);
  }
}

/**
 * Makes room for `length` bins from `from` on, which are about to change; the place of the first of
 * them in `counts`.
 */
export function coverBins(bins: BinCounts, from: number, length: number): number {
  const { first, counts } = bins;
  const to = from + length;
  delete bins.found;
  if (counts.length === 0) {
    bins.first = from;
    bins.counts = new Float64Array(length);
  } else if (from < first || to > first + counts.length) {
    bins.first = Math.min(first, from);
    const wider = new Float64Array(Math.max(first + counts.length, to) - bins.first);
    wider.set(counts, first - bins.first);
    bins.counts = wider;
  }
  return from - bins.first;
}

/** p50, p90, p95 and p99 by nearest rank, or undefined where nothing was delivered. */
export function percentilesOf(bins: BinCounts): Percentiles | undefined {
  if (bins.found === undefined) bins.found = find(bins) ?? null;
  return bins.found ?? undefined;
}

function find({ first, counts }: BinCounts): Percentiles | undefined {
  let delivered = 0;
  for (let i = 0; i < counts.length; i++) delivered += counts[i] as number;
  if (delivered === 0) return undefined;
  const found: number[] = [];
  let seen = 0;
  for (let i = 0; i < counts.length && found.length < PERCENTS.length; i++) {
    seen += counts[i] as number;
    // Multiplied before it is divided: the rank is exact in whole numbers.
    while (
      found.length < PERCENTS.length &&
      seen >= Math.ceil((delivered * (PERCENTS[found.length] as number)) / 100)
    ) {
      found.push(valueMicrosOf(first + i));
    }
  }
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = found;
  return { delivered, p50, p90, p95, p99 };
}

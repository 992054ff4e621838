// Compares two generations that both go on counting: a bucket that differs in one snapshot may only
// be a batch ahead in one of them. It counts as equal as soon as one side shows what the other has
// shown.
import type { EpochMicros } from '../../domain/time/instant.js';
import { pause } from '../../platform/clock.js';
import type { StoreSession } from '../session.js';
import { type BucketPair, differingBuckets } from './compare-generations.js';

const PASSES = 12;
const PASS_PAUSE_MS = 400;

type Pool = StoreSession['pool'];

/** The buckets that end by `until` and stay different through all passes. */
export async function lastingDifferences(
  pool: Pool,
  old: number,
  next: number,
  until: EpochMicros,
  passes: number = PASSES,
): Promise<BucketPair[]> {
  let left = await differingBuckets(pool, old, next, until);
  const seen = new Map<string, { readonly old: Set<string>; readonly new: Set<string> }>();
  for (let pass = 1; pass < passes && left.length > 0; pass++) {
    left = left.filter((pair) => !meets(seen, pair));
    if (left.length === 0) break;
    await pause(PASS_PAUSE_MS);
    left = await differingBuckets(pool, old, next, until, bucketsByTable(left));
  }
  return left.filter((pair) => !meets(seen, pair));
}

/** Remembers what both sides show; true where one of them has shown what the other did. */
function meets(
  seen: Map<string, { readonly old: Set<string>; readonly new: Set<string> }>,
  pair: BucketPair,
): boolean {
  const key = `${pair.table}|${pair.grainMinutes}|${pair.bucket}`;
  const both = seen.get(key) ?? { old: new Set(), new: new Set() };
  seen.set(key, both);
  both.old.add(pair.old);
  both.new.add(pair.new);
  return both.new.has(pair.old) || both.old.has(pair.new);
}

function bucketsByTable(pairs: readonly BucketPair[]): Map<string, EpochMicros[]> {
  const buckets = new Map<string, EpochMicros[]>();
  for (const { table, bucket } of pairs) {
    buckets.set(table, [...(buckets.get(table) ?? []), bucket]);
  }
  return buckets;
}

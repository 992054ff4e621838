// Small things that are made again and again, kept for the next time.

/** Entries at most; then all are made anew, which costs less than knowing which were used last. */
const MOST_KEPT = 4_096;

/** Keeps `value` under `key`. */
export function keep<Value>(kept: Map<number, Value>, key: number, value: Value): void {
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, value);
}

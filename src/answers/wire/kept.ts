// Small things that answers write again and again, kept for the next time instead of being made
// anew. They buy GetAccountUsage of `npm run bench -- query`, which writes hundreds of points: a
// text of an amount takes 0.07 us instead of 0.34, some 5 per cent of a week by hour.
// test/unit/answers/kept.test.ts holds the texts, account-point.test.ts the points.
import { formatNanos, type Nanos } from '../../domain/measures/decimal.js';

/** Entries at most; then all are made anew, which costs less than knowing which were used last. */
const MOST_KEPT = 4_096;

/** Keeps `value` under `key`. */
export function keep<Value>(kept: Map<number, Value>, key: number, value: Value): void {
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, value);
}

const WHOLE_UNIT = 1_000_000_000n;
/** Of amounts below a whole unit, of which there are few: most messages have one of some prices. */
const amountTexts = new Map<number, string>();

/** What `formatNanos` gives. */
export function amountText(nanos: Nanos): string {
  if (nanos <= 0n || nanos >= WHOLE_UNIT) return formatNanos(nanos);
  const small = Number(nanos);
  const known = amountTexts.get(small);
  if (known !== undefined) return known;
  const text = formatNanos(nanos);
  keep(amountTexts, small, text);
  return text;
}

// Compares both sides day by day: Postgres in the run's own snapshot, the tables of ClickHouse with
// versions merged. Trust in the copy rests here, so it shares nothing with the copying but the
// description of the columns. Views are not read: that they select from these tables what this
// build says is checked by the schema check before.
import {
  type CopiedRollup,
  type DayFingerprint,
  differences,
  sameDay,
  type UtcDay,
} from '../rollups/copied-rollup.js';
import { readDaysAfter, readWarehouseFingerprints } from './clickhouse/read-fingerprints.js';
import type { CopyRoute } from './copy-rows.js';
import { extractFingerprints } from './postgres/extract-fingerprints.js';
import type { RowLabel } from './postgres/extract-rows.js';

/** A day on which the two sides differ. */
export interface DifferentDay {
  readonly rollup: CopiedRollup;
  readonly day: UtcDay;
  /** Postgres first: `rows 10 ≠ 9, messages 100 ≠ 90`. */
  readonly difference: string;
}

/** How many days are compared by one pair of statements. */
const daysPerStatement = 31;

/** Days that differ. Buckets in `except` (seconds since 1970) are left out on both sides. */
export async function differentDays(
  route: CopyRoute,
  rollup: CopiedRollup,
  label: RowLabel,
  days: readonly UtcDay[],
  except: readonly number[] = [],
): Promise<readonly DifferentDay[]> {
  const found: DifferentDay[] = [];
  for (let at = 0; at < days.length; at += daysPerStatement) {
    const some = days.slice(at, at + daysPerStatement);
    const [postgres, clickhouse] = await Promise.all([
      extractFingerprints(route.postgres, rollup, label.generation, some, except),
      readWarehouseFingerprints(route.clickhouse, route.target, rollup, label, some, except),
    ]);
    found.push(...compared(rollup, some, postgres, clickhouse));
  }
  return found;
}

/**
 * Days of the copy after the last that Postgres has: rows there came from nowhere. Days before the
 * first are what retention has dropped from Postgres, and where Postgres has no day at all it may
 * have dropped all of them.
 */
export async function daysAfterTheLast(
  route: CopyRoute,
  rollup: CopiedRollup,
  label: RowLabel,
  days: readonly UtcDay[],
): Promise<readonly DifferentDay[]> {
  const last = days.at(-1);
  if (last === undefined) return [];
  const found = await readDaysAfter(route.clickhouse, route.target, rollup, label, last);
  return found.map(({ day, rows }) => ({ rollup, day, difference: `rows 0 ≠ ${rows}` }));
}

function compared(
  rollup: CopiedRollup,
  days: readonly UtcDay[],
  postgres: ReadonlyMap<UtcDay, DayFingerprint>,
  clickhouse: ReadonlyMap<UtcDay, DayFingerprint>,
): readonly DifferentDay[] {
  return days
    .filter((day) => !sameDay(postgres.get(day), clickhouse.get(day)))
    .map((day) => ({
      rollup,
      day,
      difference: differences(rollup, postgres.get(day), clickhouse.get(day)),
    }));
}

/**
 * The next `count` days after `last` in the order of `days` (ascending), beginning again at the
 * first: over time every day is looked at, whether it changed or not.
 */
export function rotatingSlice(
  days: readonly UtcDay[],
  last: UtcDay | undefined,
  count: number,
): readonly UtcDay[] {
  const from = last === undefined ? 0 : days.findIndex((day) => day > last);
  const start = Math.max(0, from); // past the last day: from the first again
  return [...days.slice(start), ...days.slice(0, start)].slice(0, count);
}

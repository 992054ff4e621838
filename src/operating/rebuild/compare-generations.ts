// Two generations held against each other, bucket by bucket: a fingerprint over every row that is
// not zero, so that a count under the wrong key differs as well. Both are read in one statement per
// table.

import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import { micros } from '../../postgres/epoch-micros.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';
import { ROLLUP_TABLES, type RollupTable } from '../../rollups/tables.js';

/** A bucket of one table and grain, as both generations have it; '' where one has nothing there. */
export interface BucketPair {
  readonly table: string;
  readonly grainMinutes: number;
  readonly bucket: EpochMicros;
  readonly old: string;
  readonly new: string;
}

/** Of the rows of a bucket, in any order. */
function fingerprintOf({ keys, measures }: RollupTable): string {
  const values = [...keys, ...measures.map((one) => `trim_scale(${one}::numeric)`)];
  const row = `concat_ws('|',
      ${values.join(',\n      ')})`;
  return `sum(hashtextextended(${row}, 0)::numeric)::text`;
}
const notZero = ({ measures }: RollupTable) =>
  `(${measures.map((one) => `${one} <> 0`).join(' OR ')})`;
const rowsOf = ({ table, packed }: RollupTable) => packed?.rows ?? table;
/** `until` is when buckets must have ended, `only` are their beginnings (null: all). */
interface Comparison {
  old: number;
  next: number;
  until: string;
  only: readonly string[] | null;
}

const differing = (table: RollupTable) => sql<Comparison>`
WITH mark AS (
  SELECT
    generation,
    grain_minutes,
    bucket,
    ${fingerprintOf(table)} AS mark
  FROM ${rowsOf(table)} AS r
  WHERE generation IN (:old, :next)
    AND bucket + grain_minutes * interval '1 min' <= :until
    AND (:only::timestamptz[] IS NULL OR bucket = ANY (:only))
    AND ${notZero(table)}
  GROUP BY generation, grain_minutes, bucket
),
both_marks AS (
  SELECT
    grain_minutes,
    bucket,
    coalesce(max(mark) FILTER (WHERE generation = :old), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = :next), '') AS new
  FROM mark
  GROUP BY grain_minutes, bucket
)
SELECT
  '${table.table}' AS table,
  grain_minutes,
  ${micros('bucket')} AS bucket,
  old,
  new
FROM both_marks
WHERE old <> new`;

const sumOf = (measure: string) => `trim_scale(coalesce(sum(${measure}), 0))::text AS ${measure}`;

const totals = (rollup: RollupTable) => sql<{ old: number; next: number }>`
SELECT
  g.generation,
  ${rollup.measures.map(sumOf).join(',\n  ')}
FROM unnest(ARRAY[:old, :next]::smallint[]) AS g (generation)
LEFT JOIN ${rowsOf(rollup)} AS t
  ON t.generation = g.generation
  AND t.grain_minutes = (
    SELECT min(grain_minutes)
    FROM ${rollup.table}
    WHERE generation = g.generation
  )
GROUP BY g.generation`;

/** The buckets that end by `until` and differ now; of `only` (by table) where given. */
export async function differingBuckets(
  pool: Queryable,
  old: number,
  next: number,
  until: EpochMicros,
  only?: ReadonlyMap<string, readonly EpochMicros[]>,
): Promise<BucketPair[]> {
  const found: BucketPair[] = [];
  for (const table of ROLLUP_TABLES) {
    const buckets = only?.get(table.table)?.map(formatInstant);
    if (only !== undefined && buckets === undefined) continue;
    const { rows } = await pool.query<Record<string, string>>(
      differing(table)({ old, next, until: formatInstant(until), only: buckets ?? null }),
    );
    for (const row of rows) {
      found.push({
        table: table.table,
        grainMinutes: Number(row.grain_minutes),
        bucket: Number(row.bucket),
        old: row.old ?? '',
        new: row.new ?? '',
      });
    }
  }
  return found;
}

/** Sums of one table at its finest grain. */
export interface RollupTotals {
  readonly table: string;
  /** `messages 10, segments 12`, of the old generation and of the new one. */
  readonly old: string;
  readonly new: string;
}

/** For people: what each table sums up to, over all that it holds. */
export async function rollupTotals(
  pool: Queryable,
  old: number,
  next: number,
): Promise<RollupTotals[]> {
  const found: RollupTotals[] = [];
  for (const rollup of ROLLUP_TABLES) {
    const { table, measures } = rollup;
    const { rows } = await pool.query<Record<string, string>>(totals(rollup)({ old, next }));
    const text = (generation: number) => {
      const row = rows.find((one) => Number(one.generation) === generation);
      return measures.map((one) => `${one} ${row?.[one] ?? 0}`).join(', ');
    };
    found.push({ table, old: text(old), new: text(next) });
  }
  return found;
}

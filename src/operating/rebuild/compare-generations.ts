// Two generations held against each other, bucket by bucket: a fingerprint over every row that is
// not zero, so that a count under the wrong key differs as well. Both are read in one statement per
// table.
import type { Pool } from 'pg';
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import { ROLLUP_TABLES, type RollupTable } from '../../rollups/tables.js';

type Queryable = Pick<Pool, 'query'>;

/** A bucket of one table and grain, as both generations have it; '' where one has nothing there. */
export interface BucketPair {
  readonly table: string;
  readonly grainMinutes: number;
  readonly bucket: EpochMicros;
  readonly old: string;
  readonly new: string;
}

const fingerprintOf = ({ keys, measures }: RollupTable) =>
  `sum(hashtextextended(concat_ws('|', ${[...keys, ...measures.map((one) => `trim_scale(${one}::numeric)`)].join(', ')}), 0)::numeric)::text`;
const notZero = ({ measures }: RollupTable) =>
  `(${measures.map((one) => `${one} <> 0`).join(' OR ')})`;
const rowsOf = ({ table, packed }: RollupTable) => packed?.rows ?? table;
const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** $1 old, $2 new, $3 the end by which buckets must end, $4 only these buckets (null: all). */
const differing = (table: RollupTable) => `
  WITH mark AS (
    SELECT generation, grain_minutes, bucket, ${fingerprintOf(table)} AS mark FROM ${rowsOf(table)} AS r
    WHERE generation IN ($1, $2) AND bucket + grain_minutes * interval '1 min' <= $3
      AND ($4::timestamptz[] IS NULL OR bucket = ANY ($4)) AND ${notZero(table)}
    GROUP BY 1, 2, 3)
  SELECT '${table.table}' AS table, grain_minutes, ${micros('bucket')} AS bucket,
    coalesce(max(mark) FILTER (WHERE generation = $1), '') AS old,
    coalesce(max(mark) FILTER (WHERE generation = $2), '') AS new
  FROM mark GROUP BY grain_minutes, bucket
  HAVING coalesce(max(mark) FILTER (WHERE generation = $1), '')
      <> coalesce(max(mark) FILTER (WHERE generation = $2), '')`;

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
    const { rows } = await pool.query<Record<string, string>>(differing(table), [
      ...[old, next, formatInstant(until), buckets ?? null],
    ]);
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
  const totals: RollupTotals[] = [];
  for (const rollup of ROLLUP_TABLES) {
    const { table, measures } = rollup;
    const sums = measures.map((one) => `trim_scale(coalesce(sum(${one}), 0))::text AS ${one}`);
    const { rows } = await pool.query<Record<string, string>>(
      `SELECT g.generation, ${sums.join(', ')}
       FROM unnest(ARRAY[$1, $2]::smallint[]) AS g (generation)
       LEFT JOIN ${rowsOf(rollup)} AS t ON t.generation = g.generation
         AND t.grain_minutes = (SELECT min(grain_minutes) FROM ${table} WHERE generation = g.generation)
       GROUP BY 1`,
      [old, next],
    );
    const text = (generation: number) => {
      const row = rows.find((one) => Number(one.generation) === generation);
      return measures.map((one) => `${one} ${row?.[one] ?? 0}`).join(', ');
    };
    totals.push({ table, old: text(old), new: text(next) });
  }
  return totals;
}

/**
 * What Postgres holds of some days, in the run's own snapshot, for comparison with ClickHouse. The text of a row's
 * key must equal that of `warehouse/clickhouse/columns.ts`, byte for byte.
 */
import type { ClientBase } from 'pg';
import {
  type CopiedColumn,
  type CopiedRollup,
  type DayFingerprint,
  moneyMeasures,
  type UtcDay,
  WEIGHT_MASK,
  weightTerms,
} from '../../domain/copied-rollup.js';

/** Fingerprints by day; a day without rows is missing. Buckets in `except` (seconds since 1970) are left out. */
export async function extractFingerprints(
  client: ClientBase,
  rollup: CopiedRollup,
  generation: number,
  days: readonly UtcDay[],
  except: readonly number[] = [],
): Promise<ReadonlyMap<UtcDay, DayFingerprint>> {
  const { rows } = await client.query<string[]>({
    text: fingerprintStatement(rollup),
    values: [generation, days, except],
    rowMode: 'array',
  });
  return new Map(rows.map((row) => [row[0] ?? '', fingerprintOf(rollup, row)]));
}

/** The statement: one row per day that has rows. */
export function fingerprintStatement(rollup: CopiedRollup): string {
  const names = [...rollup.measures.map((measure) => measure.name), 'version'];
  const money = moneyMeasures(rollup).map(({ name }) => `trim_scale(sum(key * ${name}))::text`);
  return `SELECT day::text, count(*)::text, ${names.map((name) => `trim_scale(sum(${name}))::text`).join(', ')},
       ${[`sum(key * ((${weightTerms(rollup).join(' + ')}) & ${WEIGHT_MASK}))::text`, ...money].join(', ')}
  FROM unnest($2::date[]) AS day,
       LATERAL (
         SELECT ${names.join(', ')},
                crc32(convert_to(concat_ws('|', ${rollup.keys.map(keyText).join(', ')}), 'UTF8')) AS key
           FROM ${rollup.source}
          WHERE generation = $1 AND grain_minutes = ${rollup.grainMinutes}
            AND bucket >= day::timestamp AT TIME ZONE 'UTC'
            AND bucket < (day + 1)::timestamp AT TIME ZONE 'UTC'
            AND (cardinality($3::bigint[]) = 0 OR date_part('epoch', bucket)::bigint <> ALL ($3::bigint[]))
         OFFSET 0 -- computes each key once
       ) AS row
 GROUP BY day`;
}

function keyText(column: CopiedColumn): string {
  return column.kind === 'bucket' ? `date_part('epoch', ${column.name})::bigint` : column.name;
}

function fingerprintOf(rollup: CopiedRollup, row: readonly string[]): DayFingerprint {
  const [day = '', rows = '0', ...rest] = row;
  const sumCount = rollup.measures.length + 1;
  return { day, rows, sums: rest.slice(0, sumCount), checksums: rest.slice(sumCount) };
}

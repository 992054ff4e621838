/**
 * What Postgres holds of some days, in the run's own snapshot, for comparison with ClickHouse. The text per row must
 * equal that of `warehouse/clickhouse/columns.ts`, byte for byte.
 */
import type { ClientBase } from 'pg';
import type {
  CopiedColumn,
  CopiedRollup,
  DayFingerprint,
  UtcDay,
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
  return new Map(rows.map((row) => [row[0] ?? '', fingerprintOf(row)]));
}

/** The statement: one row per day that has rows. */
export function fingerprintStatement(rollup: CopiedRollup): string {
  const texts = [...rollup.keys, ...rollup.measures].map(checksumText);
  const names = [...rollup.measures.map((measure) => measure.name), 'version'];
  const word = (from: number): string =>
    `sum(('x' || substr(digest, ${from}, 8))::bit(32)::bigint)::text`;
  return `SELECT day::text, count(*)::text, ${names.map((name) => `trim_scale(sum(${name}))::text`).join(', ')},
       ${word(1)}, ${word(9)}
  FROM unnest($2::date[]) AS day,
       LATERAL (
         SELECT ${names.join(', ')}, md5(concat_ws('|', ${[...texts, 'version'].join(', ')})) AS digest
           FROM ${rollup.source}
          WHERE generation = $1 AND grain_minutes = ${rollup.grainMinutes}
            AND bucket >= day::timestamp AT TIME ZONE 'UTC'
            AND bucket < (day + 1)::timestamp AT TIME ZONE 'UTC'
            AND (cardinality($3::bigint[]) = 0 OR extract(epoch FROM bucket)::bigint <> ALL ($3::bigint[]))
         OFFSET 0 -- computes each digest once
       ) AS row
 GROUP BY day`;
}

function checksumText(column: CopiedColumn): string {
  if (column.kind === 'bucket') return `extract(epoch FROM ${column.name})::bigint`;
  return column.kind === 'money' ? `trim_scale(${column.name})` : column.name;
}

function fingerprintOf(row: readonly string[]): DayFingerprint {
  const [day = '', rows = '0', ...rest] = row;
  const checksum = rest.splice(-2);
  return { day, rows, sums: rest, checksum: [checksum[0] ?? '0', checksum[1] ?? '0'] };
}

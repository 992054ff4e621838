// What Postgres holds of some days, in the run's own snapshot, for comparison with ClickHouse. The
// text of a row's key must equal that of `copy/clickhouse/columns.ts`, byte for byte.
import type { ClientBase } from 'pg';
import { type Statement, sql } from '../../postgres/sql.js';
import {
  type CopiedColumn,
  type CopiedRollup,
  type DayFingerprint,
  type UtcDay,
  WEIGHT_MASK,
  weightOf,
} from '../../rollups/copied-rollup.js';

/**
 * Fingerprints by day; a day without rows is missing. Buckets in `except` (seconds since 1970) are
 * left out.
 */
export async function extractFingerprints(
  client: ClientBase,
  rollup: CopiedRollup,
  generation: number,
  days: readonly UtcDay[],
  except: readonly number[] = [],
): Promise<ReadonlyMap<UtcDay, DayFingerprint>> {
  const found = new Map<UtcDay, DayFingerprint>();
  for (const [first, last] of spansOf(days)) {
    const { rows } = await client.query<string[]>({
      ...fingerprintStatement(rollup)({ generation, first, last, except }),
      rowMode: 'array',
    });
    for (const row of rows) found.set(row[0] ?? '', fingerprintOf(rollup, row));
  }
  return found;
}

/** Ascending days as spans without gaps, first and last: a span is one range of the index. */
export function spansOf(days: readonly UtcDay[]): readonly (readonly [UtcDay, UtcDay])[] {
  const spans: [UtcDay, UtcDay][] = [];
  for (const day of days) {
    const span = spans.at(-1);
    if (span !== undefined && Date.parse(day) - Date.parse(span[1]) === 86_400_000) span[1] = day;
    else spans.push([day, day]);
  }
  return spans;
}

/** The days asked for, and the buckets (seconds since 1970) that are left out. */
interface FingerprintParameters {
  generation: number;
  first: UtcDay;
  last: UtcDay;
  except: readonly number[];
}

/**
 * The statement: one row per day that has rows. The key is named once, so that it is computed once
 * per row.
 */
export function fingerprintStatement(rollup: CopiedRollup): Statement<FingerprintParameters> {
  const names = [...rollup.measures.map((measure) => measure.name), 'version'];
  const key = `crc32(textsend(${rollup.keys.map(keyText).join(` || '|' || `)}))`;
  const { counts, money } = weightOf(rollup);
  const weight = [`((${counts}) & ${WEIGHT_MASK})`, ...money].join(' + ');
  return sql<FingerprintParameters>`
SELECT
  (bucket AT TIME ZONE 'UTC')::date::text,
  count(*)::text,
  ${names.map((name) => `trim_scale(sum(${name}))::text`).join(',\n  ')},
  trim_scale(sum(${key} * (${weight})))::text
FROM ${rollup.source}
WHERE generation = :generation
  AND grain_minutes = ${String(rollup.grainMinutes)}
  AND bucket >= :first::timestamp AT TIME ZONE 'UTC'
  AND bucket < (:last::timestamp + interval '1 day') AT TIME ZONE 'UTC'
  AND (
    cardinality(:except::bigint[]) = 0
    OR date_part('epoch', bucket)::bigint <> ALL (:except::bigint[])
  )
GROUP BY (bucket AT TIME ZONE 'UTC')::date`;
}

function keyText(column: CopiedColumn): string {
  if (column.kind === 'text') return column.name;
  return column.kind === 'bucket'
    ? `date_part('epoch', ${column.name})::bigint::text`
    : `${column.name}::text`;
}

function fingerprintOf(rollup: CopiedRollup, row: readonly string[]): DayFingerprint {
  const [day = '', rows = '0', ...rest] = row;
  const sumCount = rollup.measures.length + 1;
  return { day, rows, sums: rest.slice(0, sumCount), checksum: rest[sumCount] ?? '0' };
}

// Reads the rows of a copied rollup as text, a day at a time, in the order of the buckets. Which
// rows, is said by transaction-local settings, because COPY takes no parameters and no value may
// ever be put into a statement's text. Must run inside the transaction of the run's snapshot.
import type { ClientBase } from 'pg';
import { sql } from '../../postgres/sql.js';
import type { CopiedRollup, UtcDay } from '../../rollups/copied-rollup.js';
import { type CopiedLines, copyOut } from './extract-copy-out.js';

/** Rows of one day of a rollup: all of them, or those of some buckets (seconds since 1970) only. */
export interface DaySlice {
  readonly day: UtcDay;
  readonly bucketSeconds: readonly number[] | undefined;
}

/** Which copy the rows are labelled with. */
export interface RowLabel {
  readonly generation: number;
  readonly copy: bigint;
}

const CHOOSE = sql<{ generation: string; copy: string; day: UtcDay; buckets: string }>`
SELECT
  set_config('etl.generation', :generation, true),
  set_config('etl.copy', :copy, true),
  set_config('etl.day', :day, true),
  set_config('etl.buckets', :buckets, true)`;

/**
 * Chunks of about `chunkBytes` of tab-separated rows: generation, copy, keys, measures, version.
 */
export async function* extractRows(
  client: ClientBase,
  rollup: CopiedRollup,
  label: RowLabel,
  slice: DaySlice,
  chunkBytes: number,
): AsyncGenerator<CopiedLines> {
  const { day, bucketSeconds } = slice;
  await client.query(
    CHOOSE({
      generation: String(label.generation),
      copy: String(label.copy),
      day,
      buckets: bucketSeconds === undefined ? '' : `{${bucketSeconds.map(bucketText).join(',')}}`,
    }),
  );
  yield* copyOut(client, rowStatement(rollup, bucketSeconds !== undefined), chunkBytes);
}

/** ISO text of the start of a bucket. */
export function bucketText(seconds: number): string {
  return `"${new Date(seconds * 1000).toISOString()}"`;
}

/**
 * The COPY statement of a rollup: constant text. A setting in a sub-select is read once, not for
 * every row.
 */
export function rowStatement(rollup: CopiedRollup, someBuckets: boolean): string {
  const columns = [...rollup.keys, ...rollup.measures].map((column) =>
    column.kind === 'bucket' ? `date_part('epoch', ${column.name})::bigint` : column.name,
  );
  const setting = (name: string, cast: string): string =>
    `(SELECT current_setting('etl.${name}')${cast})`;
  const which = someBuckets
    ? `bucket = ANY (${setting('buckets', '::timestamptz[]')}::timestamptz[])`
    : `bucket >= ${setting('day', `::timestamp AT TIME ZONE 'UTC'`)}
    AND bucket < ${setting('day', `::timestamp AT TIME ZONE 'UTC'`)} + interval '24 hours'`;
  return `COPY (
  SELECT
    ${[setting('generation', ''), setting('copy', ''), ...columns, 'version'].join(',\n    ')}
  FROM ${rollup.source}
  WHERE generation = ${setting('generation', '::smallint')}
    AND grain_minutes = ${rollup.grainMinutes}
    AND ${which}
  ORDER BY bucket
) TO STDOUT`;
}

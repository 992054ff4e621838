// What changed since the last checkpoint, by snapshot difference: transactions that the
// checkpoint's snapshot did not see and this one does. Neither a sequence nor a time can say that:
// a transaction that was open during the last run commits behind both.
import type { ClientBase } from 'pg';
import type { CopiedRollup, UtcDay } from '../../rollups/copied-rollup.js';
import type { DaySlice } from './extract-rows.js';

/** Days of a rollup with the buckets that changed in them, oldest first. */
export async function changedSlices(
  client: ClientBase,
  rollup: CopiedRollup,
  generation: number,
  sinceSnapshot: string,
): Promise<readonly DaySlice[]> {
  const { rows } = await client.query<{ day: UtcDay; seconds: string[] }>(
    `SELECT (bucket AT TIME ZONE 'UTC')::date::text AS day,
            array_agg(DISTINCT extract(epoch FROM bucket)::bigint) AS seconds
       FROM rollup_change
      WHERE generation = $1 AND rollup = $2
        AND xid >= pg_snapshot_xmin($3::pg_snapshot)
        AND NOT pg_visible_in_snapshot(xid, $3::pg_snapshot)
      GROUP BY 1 ORDER BY 1`,
    [generation, rollup.change, sinceSnapshot],
  );
  return rows.map(({ day, seconds }) => ({
    day,
    bucketSeconds: seconds.map(Number).sort((left, right) => left - right),
  }));
}

/**
 * True when a row exists whose bucket did not change since the snapshot: such a row was copied
 * before.
 */
export async function hasUnchangedRows(
  client: ClientBase,
  rollup: CopiedRollup,
  generation: number,
  sinceSnapshot: string,
): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `SELECT EXISTS (
       SELECT FROM ${rollup.source} AS r
        WHERE generation = $1 AND grain_minutes = ${rollup.grainMinutes} AND bucket NOT IN (
          SELECT bucket FROM rollup_change
           WHERE generation = $1 AND rollup = $2
             AND xid >= pg_snapshot_xmin($3::pg_snapshot)
             AND NOT pg_visible_in_snapshot(xid, $3::pg_snapshot))) AS found`,
    [generation, rollup.change, sinceSnapshot],
  );
  return rows[0]?.found === true;
}

/**
 * Every day from the first to the last with rows, empty ones between them included; all rows of
 * each.
 */
export async function everyDay(
  client: ClientBase,
  rollup: CopiedRollup,
  generation: number,
): Promise<readonly UtcDay[]> {
  const { rows } = await client.query<{ day: UtcDay }>(
    `SELECT day::date::text AS day
       FROM (SELECT min(bucket) AS first, max(bucket) AS last FROM ${rollup.source}
              WHERE generation = $1 AND grain_minutes = ${rollup.grainMinutes}) AS range,
            generate_series(date_trunc('day', first AT TIME ZONE 'UTC'), last AT TIME ZONE 'UTC', '1 day') AS day
      ORDER BY day`,
    [generation],
  );
  return rows.map((row) => row.day);
}

/**
 * Forgets changes that a checkpoint of `snapshot` covers, of every generation; returns how many
 * rows went.
 */
export async function pruneChanges(client: ClientBase, snapshot: string): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM rollup_change
      WHERE xid < pg_snapshot_xmax($1::pg_snapshot) AND pg_visible_in_snapshot(xid, $1::pg_snapshot)`,
    [snapshot],
  );
  return rowCount ?? 0;
}

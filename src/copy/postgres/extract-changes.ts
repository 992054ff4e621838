// What changed since the last checkpoint, by snapshot difference: transactions that the
// checkpoint's snapshot did not see and this one does. Neither a sequence nor a time can say that:
// a transaction that was open during the last run commits behind both.
import type { ClientBase } from 'pg';
import { sql } from '../../postgres/sql.js';
import type { CopiedRollup, UtcDay } from '../../rollups/copied-rollup.js';
import type { DaySlice } from './extract-rows.js';

interface Since {
  generation: number;
  change: string;
  snapshot: string;
}

const CHANGED = `
WITH changed AS (
  SELECT bucket, (bucket AT TIME ZONE 'UTC')::date AS day
  FROM rollup_change
  WHERE generation = :generation
    AND rollup = :change
    AND xid >= pg_snapshot_xmin(:snapshot::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xid, :snapshot::pg_snapshot)
)`;

const CHANGED_DAYS = sql<Since>`${CHANGED}
SELECT
  day::text,
  array_agg(DISTINCT extract(epoch FROM bucket)::bigint) AS seconds
FROM changed
GROUP BY day
ORDER BY changed.day`;

const unchanged = ({ source, grainMinutes }: CopiedRollup) => sql<Since>`${CHANGED}
SELECT EXISTS (
  SELECT
  FROM ${source} AS r
  WHERE generation = :generation
    AND grain_minutes = ${String(grainMinutes)}
    AND bucket NOT IN (SELECT bucket FROM changed)
) AS found`;

const daysWithRows = ({ source, grainMinutes }: CopiedRollup) => sql<{ generation: number }>`
SELECT day::date::text AS day
FROM (
    SELECT
      min(bucket) AT TIME ZONE 'UTC' AS first,
      max(bucket) AT TIME ZONE 'UTC' AS last
    FROM ${source}
    WHERE generation = :generation
      AND grain_minutes = ${String(grainMinutes)}
  ) AS range,
  generate_series(date_trunc('day', first), last, '1 day') AS day
ORDER BY day.day`;

const PRUNE = sql<{ snapshot: string }>`
DELETE FROM rollup_change
WHERE xid < pg_snapshot_xmax(:snapshot::pg_snapshot)
  AND pg_visible_in_snapshot(xid, :snapshot::pg_snapshot)`;

/** Days of a rollup with the buckets that changed in them, oldest first. */
export async function changedSlices(
  client: ClientBase,
  rollup: CopiedRollup,
  generation: number,
  sinceSnapshot: string,
): Promise<readonly DaySlice[]> {
  const since = { generation, change: rollup.change, snapshot: sinceSnapshot };
  const { rows } = await client.query<{ day: UtcDay; seconds: string[] }>(CHANGED_DAYS(since));
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
  const since = { generation, change: rollup.change, snapshot: sinceSnapshot };
  const { rows } = await client.query<{ found: boolean }>(unchanged(rollup)(since));
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
  const { rows } = await client.query<{ day: UtcDay }>(daysWithRows(rollup)({ generation }));
  return rows.map((row) => row.day);
}

/**
 * Forgets changes that a checkpoint of `snapshot` covers, of every generation; returns how many
 * rows went.
 */
export async function pruneChanges(client: ClientBase, snapshot: string): Promise<number> {
  const { rowCount } = await client.query(PRUNE({ snapshot }));
  return rowCount ?? 0;
}

// Gaps of streams as the operators see and accept them; who notices and settles them is in
// stream-gaps.ts.
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';

/** A gap as people see it; instants as RFC 3339 text. */
export interface StreamGap {
  readonly gapId: number;
  readonly generation: number;
  readonly streamId: number;
  readonly stream: string;
  /** As Postgres writes a multirange: `{[101,151)}`. */
  readonly sequences: string;
  readonly eventCount: number;
  /** Of `eventCount`, those that are still not counted. */
  readonly missingCount: number;
  readonly noticedAt: string;
  readonly publishedAfter: string | undefined;
  readonly publishedBefore: string | undefined;
  readonly state: 'open' | 'accepted' | 'counted';
  readonly reason: string | undefined;
}

const instantText = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const GAPS = sql<{ readonly openOnly: boolean }>`
  SELECT
    gap_id AS "gapId", generation, stream_id AS "streamId", s.name AS stream, sequences::text,
    event_count(sequences) AS events,
    event_count(missing) AS missing,
    ${instantText('noticed_at')} AS "noticedAt",
    ${instantText('published_after')} AS "publishedAfter",
    ${instantText('published_before')} AS "publishedBefore",
    CASE
      WHEN accepted_at IS NOT NULL THEN 'accepted'
      WHEN isempty(missing) THEN 'counted'
      ELSE 'open'
    END AS state,
    accepted_reason AS reason
  FROM stream_gap
  JOIN event_stream AS s USING (stream_id)
  WHERE NOT :openOnly OR accepted_at IS NULL AND NOT isempty(missing)
  ORDER BY gap_id`;

/** All gaps, or the open ones only, in the order in which they were noticed. */
export async function readGaps(pool: Queryable, openOnly: boolean): Promise<StreamGap[]> {
  const { rows } = await pool.query<
    Omit<StreamGap, 'eventCount' | 'missingCount'> & { events: string; missing: string }
  >(GAPS({ openOnly }));
  return rows.map(({ events, missing, ...gap }) => ({
    ...gap,
    publishedAfter: gap.publishedAfter ?? undefined,
    publishedBefore: gap.publishedBefore ?? undefined,
    reason: gap.reason ?? undefined,
    eventCount: Number(events),
    missingCount: Number(missing),
  }));
}

const ACCEPT_GAP = sql<{ readonly gapId: number; readonly reason: string }>`
  UPDATE stream_gap
  SET accepted_at = now(), accepted_reason = :reason
  WHERE gap_id = :gapId AND accepted_at IS NULL AND NOT isempty(missing)`;

/** Lets counting's watermark pass an open gap; false where no such gap is open. */
export async function acceptGap(pool: Queryable, gapId: number, reason: string): Promise<boolean> {
  const { rowCount } = await pool.query(ACCEPT_GAP({ gapId, reason }));
  return rowCount === 1;
}

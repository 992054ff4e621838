// The accounting of a stream's sequences, by generation (contract, section 2, "a gap"). Each commit
// adds its sequences to its process's progress row; what all rows hold from the beginning on
// without a hole is folded into `stream_account.counted_through`. What is neither there nor in the
// stream any more is a gap. Sequences travel as the text of Postgres's `int8multirange`.
import type { Pool } from 'pg';
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';

type Queryable = Pick<Pool, 'query'>;

/** Which sequences are accounted for. */
export interface AccountKey {
  readonly generation: number;
  readonly streamId: number;
}

/** No sequence. */
export const NONE = '{}';

/** The text of a multirange that holds these sequences, in any order. */
export function multirangeOf(sequences: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const sequence of [...sequences].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && sequence <= last[1] + 1) last[1] = sequence;
    else runs.push([sequence, sequence]);
  }
  return `{${runs.map(([from, to]) => `[${from},${to}]`).join(',')}}`;
}

/**
 * Begins the account; repeatable. It begins behind what a release without the accounting counted,
 * else before the stream's first sequence, without what has left its middle.
 */
export async function beginAccount(
  pool: Queryable,
  { generation, streamId }: AccountKey,
  firstSequence: number,
  gone: string,
): Promise<void> {
  await pool.query(
    `INSERT INTO stream_account (generation, stream_id, counted_through, gone_before)
     SELECT $1, $2, CASE WHEN counted > 0 THEN counted ELSE $3::bigint - 1 END,
            CASE WHEN counted > 0 THEN '{}' ELSE $4::int8multirange END
     FROM (SELECT coalesce(max(highest_sequence), 0) AS counted FROM ingest_progress
           WHERE generation = $1 AND stream_id = $2 AND committed IS NULL) AS before
     ON CONFLICT DO NOTHING`,
    [generation, streamId, firstSequence, gone],
  );
}

/**
 * $1 generation, $2 stream: `held` is all that needs no event any more, `open` what open gaps miss.
 */
const HELD = `
  WITH progress AS (
    SELECT coalesce(range_agg(committed), '{}') AS committed,
           coalesce(max(highest_sequence) FILTER (WHERE committed IS NULL), 0) AS unaccounted
    FROM ingest_progress WHERE generation = $1 AND stream_id = $2),
  gaps AS (
    SELECT coalesce(range_agg(sequences), '{}') AS noticed,
           coalesce(range_agg(missing) FILTER (WHERE accepted_at IS NULL), '{}') AS open
    FROM stream_gap WHERE generation = $1 AND stream_id = $2),
  held AS (
    SELECT committed + gone_before + noticed
             + int8multirange(int8range(0, greatest(counted_through, unaccounted), '[]')) AS held,
           committed, open
    FROM stream_account, progress, gaps WHERE generation = $1 AND stream_id = $2)`;

/** What of the stream is accounted for by nothing. */
export interface Unaccounted {
  /** Without what the stream still holds. */
  readonly gone: string;
  /** Of `gone`, what was so at the look before. */
  readonly goneStill: string;
  /** Some of it is not before the stream's first sequence: perhaps deleted in the middle. */
  readonly maybeInMiddle: boolean;
}

/**
 * Of the sequences up to `through`, those that nothing accounts for and that are before
 * `firstSequence` or in `deleted`; `before` is what the last look found.
 */
export async function findUnaccounted(
  pool: Queryable,
  { generation, streamId }: AccountKey,
  seen: {
    readonly through: number;
    readonly firstSequence: number;
    readonly deleted: string;
    readonly before: string;
  },
): Promise<Unaccounted> {
  const { rows } = await pool.query<Unaccounted>({
    name: 'find-unaccounted',
    text: `${HELD},
      lacking AS (SELECT int8multirange(int8range(0, $3, '[]')) - held AS lacking FROM held),
      gone AS (
        SELECT lacking, lacking * ($5::int8multirange + int8multirange(int8range(0, $4))) AS gone FROM lacking)
      SELECT gone::text AS gone, (gone * $6::int8multirange)::text AS "goneStill",
             coalesce(upper(lacking) > $4, false) AS "maybeInMiddle"
      FROM gone`,
    values: [generation, streamId, seen.through, seen.firstSequence, seen.deleted, seen.before],
  });
  return rows[0] ?? { gone: NONE, goneStill: NONE, maybeInMiddle: false };
}

/** When the events on both sides of a gap were published, as far as that is known. */
export interface PublishedAround {
  readonly after: EpochMicros | undefined;
  readonly before: EpochMicros | undefined;
}

/** Records a gap; another process may have done so at the same time. */
export async function recordGap(
  pool: Queryable,
  { generation, streamId }: AccountKey,
  sequences: string,
  { after, before }: PublishedAround,
): Promise<void> {
  const instant = (at: EpochMicros | undefined) => (at === undefined ? null : formatInstant(at));
  await pool.query(
    `INSERT INTO stream_gap (generation, stream_id, sequences, missing, published_after, published_before)
     VALUES ($1, $2, $3, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [generation, streamId, sequences, instant(after), instant(before)],
  );
}

/**
 * Takes out of open gaps what was committed after all, raises `counted_through` and forgets in this
 * process's row what it covers. Returns how many events open gaps still miss.
 */
export async function settleAccount(
  pool: Queryable,
  { generation, streamId }: AccountKey,
  worker: string,
): Promise<number> {
  const key = [generation, streamId];
  await pool.query({
    name: 'settle-gaps',
    text: `${HELD}
      UPDATE stream_gap g SET missing = g.missing - held.committed FROM held
      WHERE generation = $1 AND stream_id = $2 AND g.missing && held.committed`,
    values: key,
  });
  // What an open gap misses stays in the row until the statement above has seen it.
  const { rows } = await pool.query<{ missing: string }>({
    name: 'settle-account',
    text: `${HELD},
      prefix AS (SELECT upper(run) - 1 AS through FROM held, unnest(held) AS run WHERE run @> 0::bigint),
      raised AS (
        UPDATE stream_account a SET counted_through = through FROM prefix
        WHERE generation = $1 AND stream_id = $2 AND counted_through < through),
      covered AS (
        SELECT int8multirange(int8range(0, through, '[]')) - open AS covered FROM prefix, held),
      trimmed AS (
        UPDATE ingest_progress p SET committed = p.committed - covered FROM covered
        WHERE generation = $1 AND stream_id = $2 AND worker = $3 AND p.committed && covered)
      SELECT event_count(open) AS missing FROM held`,
    values: [...key, worker],
  });
  return Number(rows[0]?.missing ?? 0);
}

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

/** All gaps, or the open ones only, in the order in which they were noticed. */
export async function readGaps(pool: Queryable, openOnly: boolean): Promise<StreamGap[]> {
  const { rows } = await pool.query<
    Omit<StreamGap, 'eventCount' | 'missingCount'> & { events: string; missing: string }
  >(
    `SELECT gap_id AS "gapId", generation, stream_id AS "streamId", s.name AS stream, sequences::text,
            event_count(sequences) AS events, event_count(missing) AS missing,
            ${instantText('noticed_at')} AS "noticedAt",
            ${instantText('published_after')} AS "publishedAfter",
            ${instantText('published_before')} AS "publishedBefore",
            CASE WHEN accepted_at IS NOT NULL THEN 'accepted'
                 WHEN isempty(missing) THEN 'counted' ELSE 'open' END AS state,
            accepted_reason AS reason
     FROM stream_gap JOIN event_stream s USING (stream_id)
     WHERE NOT $1 OR accepted_at IS NULL AND NOT isempty(missing)
     ORDER BY gap_id`,
    [openOnly],
  );
  return rows.map(({ events, missing, ...gap }) => ({
    ...gap,
    publishedAfter: gap.publishedAfter ?? undefined,
    publishedBefore: gap.publishedBefore ?? undefined,
    reason: gap.reason ?? undefined,
    eventCount: Number(events),
    missingCount: Number(missing),
  }));
}

/** Lets counting's watermark go on beyond an open gap; false where no such gap is open. */
export async function acceptGap(pool: Queryable, gapId: number, reason: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE stream_gap SET accepted_at = now(), accepted_reason = $2
     WHERE gap_id = $1 AND accepted_at IS NULL AND NOT isempty(missing)`,
    [gapId, reason],
  );
  return rowCount === 1;
}

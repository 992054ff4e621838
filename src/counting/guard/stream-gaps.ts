// The accounting of a stream's sequences, by generation (contract, section 2, "a gap"). Each commit
// adds its sequences to its process's progress row; what all rows hold from the beginning on
// without a hole is folded into `stream_account.counted_through`. A sequence that is neither there
// nor in the stream is a gap. Sequences travel as the text of Postgres's `int8multirange`.
import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';

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

const BEGIN_ACCOUNT = sql<AccountKey & { readonly firstSequence: number; readonly gone: string }>`
  INSERT INTO stream_account (generation, stream_id, counted_through, gone_before)
  SELECT
    :generation, :streamId,
    CASE WHEN counted > 0 THEN counted ELSE :firstSequence::bigint - 1 END,
    CASE WHEN counted > 0 THEN '{}' ELSE :gone::int8multirange END
  FROM (
    SELECT coalesce(max(highest_sequence), 0) AS counted
    FROM ingest_progress
    WHERE generation = :generation AND stream_id = :streamId AND committed IS NULL
  ) AS before
  ON CONFLICT DO NOTHING`;

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
  await pool.query(BEGIN_ACCOUNT({ generation, streamId, firstSequence, gone }));
}

/**
 * The beginning of a WITH list, over :generation and :streamId. Of `held`, the column of that name
 * is all that needs no event any more, `committed` what the rows of all processes hold, and `open`
 * what open gaps miss.
 */
const HELD = `
  WITH progress AS (
    SELECT
      coalesce(range_agg(committed), '{}') AS committed,
      coalesce(max(highest_sequence) FILTER (WHERE committed IS NULL), 0) AS unaccounted
    FROM ingest_progress
    WHERE generation = :generation AND stream_id = :streamId
  ),
  gaps AS (
    SELECT
      coalesce(range_agg(sequences), '{}') AS noticed,
      coalesce(range_agg(missing) FILTER (WHERE accepted_at IS NULL), '{}') AS open
    FROM stream_gap
    WHERE generation = :generation AND stream_id = :streamId
  ),
  held AS (
    SELECT
      committed + gone_before + noticed
        + int8multirange(int8range(0, greatest(counted_through, unaccounted), '[]')) AS held,
      committed,
      open
    FROM stream_account, progress, gaps
    WHERE generation = :generation AND stream_id = :streamId
  )`;

/** What of the stream is accounted for by nothing. */
export interface Unaccounted {
  /** Without what the stream still holds. */
  readonly gone: string;
  /** Of `gone`, what was so at the look before. */
  readonly goneStill: string;
  /** Some of it is not before the stream's first sequence: perhaps deleted in the middle. */
  readonly maybeInMiddle: boolean;
}

/** What a look has seen of the stream, and what the look before it found. */
interface Seen {
  readonly through: number;
  readonly firstSequence: number;
  readonly deleted: string;
  readonly before: string;
}

const UNACCOUNTED = sql<AccountKey & Seen>`${HELD},
  lacking AS (
    SELECT int8multirange(int8range(0, :through, '[]')) - held AS lacking
    FROM held
  ),
  gone AS (
    SELECT
      lacking,
      lacking * (:deleted::int8multirange + int8multirange(int8range(0, :firstSequence))) AS gone
    FROM lacking
  )
  SELECT
    gone::text AS gone,
    (gone * :before::int8multirange)::text AS "goneStill",
    coalesce(upper(lacking) > :firstSequence, false) AS "maybeInMiddle"
  FROM gone`;

/**
 * Of the sequences up to `through`, those that nothing accounts for and that are before
 * `firstSequence` or in `deleted`; `before` is what the last look found.
 */
export async function findUnaccounted(
  pool: Queryable,
  { generation, streamId }: AccountKey,
  seen: Seen,
): Promise<Unaccounted> {
  const { rows } = await pool.query<Unaccounted>({
    name: 'find-unaccounted',
    ...UNACCOUNTED({ generation, streamId, ...seen }),
  });
  return rows[0] ?? { gone: NONE, goneStill: NONE, maybeInMiddle: false };
}

/** When the events on both sides of a gap were published, as far as that is known. */
export interface PublishedAround {
  readonly after: EpochMicros | undefined;
  readonly before: EpochMicros | undefined;
}

const RECORD_GAP = sql<
  AccountKey & {
    readonly sequences: string;
    readonly after: string | null;
    readonly before: string | null;
  }
>`
  INSERT INTO stream_gap (
    generation, stream_id, sequences, missing, published_after, published_before
  )
  VALUES (:generation, :streamId, :sequences, :sequences, :after, :before)
  ON CONFLICT DO NOTHING`;

/** Records a gap; another process may have done so at the same time. */
export async function recordGap(
  pool: Queryable,
  { generation, streamId }: AccountKey,
  sequences: string,
  published: PublishedAround,
): Promise<void> {
  const instant = (at: EpochMicros | undefined) => (at === undefined ? null : formatInstant(at));
  const [after, before] = [instant(published.after), instant(published.before)];
  await pool.query(RECORD_GAP({ generation, streamId, sequences, after, before }));
}

const SETTLE_GAPS = sql<AccountKey>`${HELD}
  UPDATE stream_gap AS g
  SET missing = g.missing - held.committed
  FROM held
  WHERE generation = :generation AND stream_id = :streamId AND g.missing && held.committed`;

const SETTLE_ACCOUNT = sql<AccountKey & { readonly worker: string }>`${HELD},
  prefix AS (
    SELECT upper(run) - 1 AS through
    FROM held, unnest(held) AS run
    WHERE run @> 0::bigint
  ),
  raised AS (
    UPDATE stream_account AS a
    SET counted_through = through
    FROM prefix
    WHERE generation = :generation AND stream_id = :streamId AND counted_through < through
  ),
  covered AS (
    SELECT int8multirange(int8range(0, through, '[]')) - open AS covered
    FROM prefix, held
  ),
  trimmed AS (
    UPDATE ingest_progress AS p
    SET committed = p.committed - covered
    FROM covered
    WHERE generation = :generation
      AND stream_id = :streamId
      AND worker = :worker
      AND p.committed && covered
  )
  SELECT event_count(open) AS missing
  FROM held`;

/**
 * Takes out of open gaps what was committed after all, raises `counted_through` and forgets in this
 * process's row what it covers. Returns how many events open gaps still miss.
 */
export async function settleAccount(
  pool: Queryable,
  { generation, streamId }: AccountKey,
  worker: string,
): Promise<number> {
  await pool.query({ name: 'settle-gaps', ...SETTLE_GAPS({ generation, streamId }) });
  // What an open gap misses stays in the row until the statement above has seen it.
  const { rows } = await pool.query<{ missing: string }>({
    name: 'settle-account',
    ...SETTLE_ACCOUNT({ generation, streamId, worker }),
  });
  return Number(rows[0]?.missing ?? 0);
}

// Dead letters as the operators see them: counted, listed, resolved. A row says why an event was
// not counted; its payload stays in the stream and is recognised by its digest.

import { type EpochMicros, formatInstant } from '../../domain/time/instant.js';
import { systemClock } from '../../platform/clock.js';
import type { PrismaClient } from '../../postgres/prisma/prisma.js';
import { writing } from '../../postgres/prisma/prisma-failure.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';

export type Resolution = 'replayed' | 'discarded';

/** One refused event. */
export interface StoredDeadLetter {
  readonly streamId: number;
  readonly sequence: number;
  readonly publishedAt: EpochMicros | undefined;
  readonly recordedAt: EpochMicros;
  readonly subject: string;
  readonly reason: string;
  readonly field: string | undefined;
  readonly eventId: string | undefined;
  readonly messageId: string | undefined;
  readonly digest: bigint;
  readonly resolution: Resolution | undefined;
  readonly resolvedAt: EpochMicros | undefined;
}

/** Which ones; what is undefined does not narrow. */
export interface DeadLetterFilter {
  readonly reason?: string | undefined;
  /** Recorded at or after it. */
  readonly since?: EpochMicros | undefined;
  /** Only those that are not resolved. */
  readonly open: boolean;
}

const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;
const LETTERS = `
SELECT
  stream_id,
  sequence,
  ${micros('published_at')} AS published_at,
  ${micros('recorded_at')} AS recorded_at,
  subject,
  reason,
  field,
  event_id,
  message_id,
  payload_digest,
  resolution,
  ${micros('resolved_at')} AS resolved_at
FROM dead_letter`;

interface FilterParameters {
  reason: string | null;
  since: string | null;
  open: boolean;
}

const MATCHING = `(:reason::text IS NULL OR reason = :reason)
  AND (:since::timestamptz IS NULL OR recorded_at >= :since)
  AND (NOT :open OR resolution IS NULL)`;

const parametersOf = ({ reason, since, open }: DeadLetterFilter): FilterParameters => ({
  reason: reason ?? null,
  since: since === undefined ? null : formatInstant(since),
  open,
});

const LIST = sql<FilterParameters & { limit: number }>`${LETTERS}
WHERE ${MATCHING}
ORDER BY recorded_at DESC, stream_id DESC, sequence DESC
LIMIT :limit`;

const NEXT = sql<FilterParameters & { stream: number; sequence: number; limit: number }>`${LETTERS}
WHERE ${MATCHING}
  AND (stream_id, sequence) > (:stream, :sequence)
ORDER BY stream_id, sequence
LIMIT :limit`;

const COUNT = sql<FilterParameters>`
SELECT count(*) AS count
FROM dead_letter
WHERE ${MATCHING}`;

const ONE = sql<{ stream: number; sequence: number }>`${LETTERS}
WHERE stream_id = :stream
  AND sequence = :sequence`;

const BY_REASON = sql`
SELECT
  reason,
  (count(*) FILTER (WHERE resolution IS NULL))::int AS open,
  count(resolution)::int AS resolved
FROM dead_letter
GROUP BY reason
ORDER BY open DESC, reason`;

function letterOf(row: Record<string, string | number | null>): StoredDeadLetter {
  const text = (name: string) => (row[name] == null ? undefined : String(row[name]));
  const number = (name: string) => (row[name] == null ? undefined : Number(row[name]));
  return {
    streamId: Number(row.stream_id),
    sequence: Number(row.sequence),
    publishedAt: number('published_at'),
    recordedAt: Number(row.recorded_at),
    subject: String(row.subject),
    reason: String(row.reason),
    field: text('field'),
    eventId: text('event_id'),
    messageId: text('message_id'),
    digest: BigInt(row.payload_digest ?? 0),
    resolution: text('resolution') as Resolution | undefined,
    resolvedAt: number('resolved_at'),
  };
}

/** The newest first, at most `limit`. */
export async function listDeadLetters(
  pool: Queryable,
  filter: DeadLetterFilter,
  limit: number,
): Promise<StoredDeadLetter[]> {
  const { rows } = await pool.query(LIST({ ...parametersOf(filter), limit }));
  return rows.map(letterOf);
}

/**
 * In order of the key, those after `after`, at most `limit`: for going through all of them in
 * batches.
 */
export async function nextDeadLetters(
  pool: Queryable,
  filter: DeadLetterFilter,
  after: { readonly streamId: number; readonly sequence: number },
  limit: number,
): Promise<StoredDeadLetter[]> {
  const { streamId: stream, sequence } = after;
  const { rows } = await pool.query(NEXT({ ...parametersOf(filter), stream, sequence, limit }));
  return rows.map(letterOf);
}

export async function countDeadLetters(pool: Queryable, filter: DeadLetterFilter): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(COUNT(parametersOf(filter)));
  return Number(rows[0]?.count ?? 0);
}

/** One, or undefined where there is none under this key. */
export async function readDeadLetter(
  pool: Queryable,
  streamId: number,
  sequence: number,
): Promise<StoredDeadLetter | undefined> {
  const { rows } = await pool.query(ONE({ stream: streamId, sequence }));
  return rows[0] === undefined ? undefined : letterOf(rows[0]);
}

/**
 * Marks one as done with, in one statement, dated by our clock. One that is resolved already stays
 * as it is: false.
 */
export async function resolveDeadLetter(
  prisma: Pick<PrismaClient, 'deadLetter'>,
  { streamId, sequence }: Pick<StoredDeadLetter, 'streamId' | 'sequence'>,
  resolution: Resolution,
): Promise<boolean> {
  const { count } = await writing(
    prisma.deadLetter.updateMany({
      where: { streamId, sequence, resolution: null },
      data: { resolution, resolvedAt: new Date(systemClock.now() / 1_000) },
    }),
  );
  return count === 1;
}

/** Dead letters by reason. */
export interface ReasonCount {
  readonly reason: string;
  readonly open: number;
  readonly resolved: number;
}

/** The reason with the most open ones first. */
export async function countByReason(pool: Queryable): Promise<ReasonCount[]> {
  const { rows } = await pool.query<ReasonCount>(BY_REASON({}));
  return rows;
}

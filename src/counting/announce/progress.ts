// Announces each second how far the serving generation has come, so that a publisher can tell an
// event whose announcement it missed from one that waits. A gap does not hold it back: its events
// never come, and a publisher that still has them publishes them again.
import type { NatsConnection } from 'nats';
import type { EpochMicros } from '../../domain/time/instant.js';
import { PROGRESS_SUBJECT, progressContent } from '../../nats/announcements.js';
import { STREAM } from '../../nats/topology.js';
import { micros } from '../../postgres/epoch-micros.js';
import type { Queryable } from '../../postgres/queryable.js';
import { sql } from '../../postgres/sql.js';
import type { AccountKey } from '../guard/stream-gaps.js';

/** How far the serving generation has come with one stream. */
interface StreamProgress {
  readonly judgedThrough: number;
  readonly dataAsOf: EpochMicros | undefined;
}

const STREAM_PROGRESS = sql<AccountKey>`
  SELECT
    a.counted_through AS judged,
    (
      SELECT ${micros('max(p.data_as_of)')}
      FROM ingest_progress AS p
      WHERE p.generation = :generation
    ) AS as_of
  FROM stream_account AS a
  JOIN generation AS g USING (generation)
  WHERE generation = :generation
    AND a.stream_id = :streamId
    AND g.state = 'serving'`;

/** How far all processes have come together; undefined where the generation does not serve. */
async function readStreamProgress(
  pool: Queryable,
  { generation, streamId }: AccountKey,
): Promise<StreamProgress | undefined> {
  const { rows } = await pool.query<{ judged: string; as_of: string | null }>({
    name: 'stream-progress',
    ...STREAM_PROGRESS({ generation, streamId }),
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const dataAsOf = row.as_of === null ? undefined : Number(row.as_of);
  return { judgedThrough: Number(row.judged), dataAsOf };
}

/** Announces the progress; nothing where the generation does not serve. Rejects with pg's error. */
export async function announceProgress(
  connection: Pick<NatsConnection, 'publish'>,
  pool: Queryable,
  key: AccountKey,
): Promise<void> {
  const read = await readStreamProgress(pool, key);
  if (read === undefined) return;
  const { judgedThrough, dataAsOf } = read;
  const progress = { incarnation: String(key.streamId), judgedThrough };
  connection.publish(PROGRESS_SUBJECT, progressContent(STREAM, progress, dataAsOf));
}

// How far the copy in ClickHouse is, as the runs of anlyt-etl have left it: visible when no job is
// running, to the api's metrics and to `ops status`.
import type { Pool } from 'pg';
import type { EpochMicros } from '../../domain/time/instant.js';
import { sql } from '../../postgres/sql.js';

/** How a run ended; `running` is also what a killed run has left, until the next one begins. */
export const RUN_OUTCOMES = ['running', 'copied', 'mismatch', 'failed'] as const;
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** Undefined are the instants before a first complete copy, and the outcome before a first run. */
export interface CopyLag {
  readonly copiedAt: EpochMicros | undefined;
  readonly dataAsOf: EpochMicros | undefined;
  readonly lastOutcome: RunOutcome | undefined;
}

interface LagRow {
  readonly copied_at: string | null;
  readonly data_as_of: string | null;
  readonly last_outcome: RunOutcome | null;
}

const LAG = sql`
SELECT
  (extract(epoch FROM checkpointed_at) * 1000000)::bigint::text AS copied_at,
  (extract(epoch FROM data_as_of) * 1000000)::bigint::text AS data_as_of,
  last_outcome
FROM etl_lag`;

/** Rejects with the driver's error. */
export async function readCopyLag(pool: Pick<Pool, 'query'>): Promise<CopyLag> {
  const { rows } = await pool.query<LagRow>(LAG({}));
  const [row] = rows;
  const micros = (text: string | null | undefined) => (text == null ? undefined : Number(text));
  return {
    copiedAt: micros(row?.copied_at),
    dataAsOf: micros(row?.data_as_of),
    lastOutcome: row?.last_outcome ?? undefined,
  };
}

// How ingest's connections behave. Invariant: no statement of it waits for ever, and none for
// longer than the broker waits for the acknowledgement; what ran out of time is tried again
// (commit.ts).
import type { PoolConfig } from 'pg';

/**
 * Below ack_wait (60 s), so that a batch is tried again here before the broker gives it to another
 * process.
 */
const STATEMENT_TIMEOUT_MS = 45_000;
/** Where Postgres does not answer at all, its own time-out does not come either. */
const ANSWER_TIMEOUT_MS = 50_000;
/**
 * As long a new connection may take; it would wait for ever for a server that takes connections and
 * says nothing.
 */
const CONNECT_TIMEOUT_MS = 5_000;
/** A peer that went without a word is noticed 10 s after this. */
const KEEP_ALIVE_DELAY_MS = 10_000;

/**
 * One connection commits, one looks, one adds up days; the statement's plan is kept, planning it
 * costs more than running it.
 */
export const INGEST_POOL = {
  max: 3,
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  application_name: 'ingest',
  options: '-c jit=off -c plan_cache_mode=force_generic_plan',
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
  query_timeout: ANSWER_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
} as const satisfies PoolConfig;

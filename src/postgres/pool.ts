// Bounded, cancellable reading. Every answer is read in one transaction that sees one snapshot, so
// that its rows and its `meta` belong together. Invariant: whatever ends a read early, its
// connection comes back without an open transaction, a setting or a stray cancellation, or does not
// come back.
import pg from 'pg';
import { isFailure } from '../domain/failure.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { createCanceller } from './canceller.js';
import { createGate, type ReadLimits, throwIfOver } from './gate.js';
import type { RevealedUrl } from './login.js';
import { onePacket } from './one-packet.js';
import { openPool } from './open-pool.js';
import { readFailureOf } from './read-failure.js';

/** How a pool is made. */
export interface ReadPoolOptions {
  /** Read anew for each connection, so that a rotated password needs no restart. */
  readonly url: RevealedUrl;
  /** Connections at most, and so reads at once. */
  readonly size: number;
  /** Reads that may wait for a connection; one more is refused. Default 64 for each connection. */
  readonly maxWaiting?: number;
  /** Longest that any statement may run, in ms; a deadline can only shorten it. Default 10,000. */
  readonly statementTimeoutMs?: number;
  /** Longest that a read of several statements may take, in ms. Default: as long as one. */
  readonly longestReadMs?: number;
  /** Longest that a connection may take to open, in ms. Default 5,000. */
  readonly connectTimeoutMs?: number;
  readonly applicationName?: string;
  readonly clock?: Clock;
  /** Called with an error of an idle connection, which the pool replaces by itself. */
  readonly onIdleError?: (error: Error) => void;
}

/** A row as Postgres wrote it: text, or null. */
export type Row = readonly (string | null)[];

/** An open snapshot. */
export interface Snapshot {
  /**
   * Runs a statement, prepared under `name` on first use where it has one; rows are arrays of text.
   * Statements are sent at once and run in the order of the calls: who needs several calls for all
   * of them before waiting for the first, and pays one round trip.
   */
  rows(name: string | undefined, text: string, values: unknown[]): Promise<Row[]>;
}

/** How full a pool is. */
export interface PoolUse {
  readonly open: number;
  readonly busy: number;
  readonly waiting: number;
}

export type { ReadLimits } from './gate.js';

/** How a snapshot is read. */
export interface ReadOptions {
  /** Row-level security shows the rows of this account, until the snapshot ends. */
  readonly accountId?: string;
  /**
   * `work` calls for everything before it first waits: the snapshot ends there, and all of it costs
   * one round trip.
   */
  readonly atOnce?: boolean;
  /**
   * Statements are planned for their own parameters: for those that may read millions of rows, or
   * few.
   */
  readonly plansAnew?: boolean;
}

export interface ReadPool {
  /**
   * What `work` makes of one snapshot (REPEATABLE READ, READ ONLY).
   * @throws {ResourceExhausted} too many reads wait already
   * @throws {DeadlineExceeded} the time is over, waiting or running
   * @throws {Cancelled} the signal aborted; a running statement was cancelled in Postgres
   * @throws {Unavailable} no connection, or it broke, or Postgres does not answer at all
   */
  read<T>(
    limits: ReadLimits,
    work: (snapshot: Snapshot) => Promise<T>,
    options?: ReadOptions,
  ): Promise<T>;
  use(): PoolUse;
  /** Waits for running reads. */
  end(): Promise<void>;
}

const { escapeLiteral: literal } = pg;

/**
 * Where Postgres does not answer at all, its own time-out does not come either: a connection that
 * says nothing for so much longer than any read may take is given up. All statements of a read
 * leave at once, and the last one waits for the others.
 */
const SILENCE_MS = 2_000;
/**
 * A peer that went without a word is noticed 10 s after this, also on a connection that nobody
 * reads from.
 */
const KEEP_ALIVE_DELAY_MS = 10_000;

const asText = { getTypeParser: () => (value: string) => value };

/** A pool of read-only connections under one login role. Opens nothing before the first read. */
export function createReadPool(options: ReadPoolOptions): ReadPool {
  const clock = options.clock ?? systemClock;
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000;
  const maxWaiting = options.maxWaiting ?? options.size * 64;
  const applicationName = options.applicationName ?? 'sms-analytics-api';
  const pool = openPool(
    options.url,
    {
      max: options.size,
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
      application_name: applicationName,
      // The caps stand in the session too, should a process die between BEGIN and SET LOCAL.
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: statementTimeoutMs,
      query_timeout: (options.longestReadMs ?? statementTimeoutMs) + SILENCE_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      // Statements go out without waiting for the answers of those before them.
      pipeline: true,
      // Statements take a millisecond: compiling them, planning them again or starting workers for
      // them takes longer.
      options:
        '-c jit=off -c plan_cache_mode=force_generic_plan -c max_parallel_workers_per_gather=0',
    },
    options.onIdleError,
  );
  const cancelOn = createCanceller(options.url, `${applicationName} cancel`);
  const gate = createGate(options.size, maxWaiting);

  return {
    async read(limits, work, how = {}) {
      const leave = await gate.enter(limits);
      try {
        return await readOnce({ pool, cancelOn, statementTimeoutMs, clock }, limits, work, how);
      } finally {
        leave();
      }
    },
    use: () => ({ open: pool.totalCount, busy: gate.busy(), waiting: gate.waiting() }),
    end: () => pool.end(),
  };
}

interface Reader {
  readonly pool: pg.Pool;
  readonly cancelOn: (client: pg.PoolClient) => Promise<void>;
  readonly statementTimeoutMs: number;
  readonly clock: Clock;
}

async function readOnce<T>(
  { pool, cancelOn, statementTimeoutMs, clock }: Reader,
  limits: ReadLimits,
  work: (snapshot: Snapshot) => Promise<T>,
  { accountId, atOnce = false, plansAnew = false }: ReadOptions,
): Promise<T> {
  const endsAt = clock.monotonicMs() + limits.remainingMs;
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    throw readFailureOf(error, limits.signal);
  }
  // A cancelled connection is closed: a late cancel request must never hit somebody else's
  // statement.
  let cancelling: Promise<void> | undefined;
  const onAbort = () => {
    cancelling ??= cancelOn(client);
  };
  limits.signal.addEventListener('abort', onAbort, { once: true });
  let broken = true;
  let open = true;
  // Statements behind the one that failed fail as well, and may be heard of earlier.
  let first: unknown;
  try {
    throwIfOver(limits.signal, endsAt - clock.monotonicMs());
    const timeoutMs = Math.max(
      1,
      Math.min(statementTimeoutMs, Math.floor(endsAt - clock.monotonicMs())),
    );
    const together = onePacket(client);
    together();
    const begun = client.query(
      [
        'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
        timeoutMs < statementTimeoutMs ? `SET LOCAL statement_timeout = ${timeoutMs}` : [],
        plansAnew ? 'SET LOCAL plan_cache_mode = force_custom_plan' : [],
        accountId === undefined ? [] : `SET LOCAL analytics.account_id = ${literal(accountId)}`,
      ]
        .flat()
        .join('; '),
    );
    const snapshot = snapshotOn(client, {
      before: (statement) => {
        throwIfOver(limits.signal, endsAt - clock.monotonicMs());
        if (!open) throw new Error(`The snapshot has ended before ${statement}.`);
        together();
      },
      onError: (error) => {
        first ??= error;
      },
    });
    const end = () => {
      open = false;
      // Nobody waits for it: it undoes nothing, and whoever is next on this connection comes after
      // it.
      client.query('COMMIT').catch(() => {});
    };
    const working = work(snapshot);
    if (atOnce) end();
    const [result] = await Promise.all([working, begun]);
    if (!atOnce) end();
    broken = false;
    return result;
  } catch (error) {
    // Whoever still works on it must not write on a connection that is somebody else's by then.
    open = false;
    if (cancelling === undefined) broken = !(await rolledBack(client));
    throw isFailure(error) ? error : readFailureOf(first ?? error, limits.signal);
  } finally {
    limits.signal.removeEventListener('abort', onAbort);
    await cancelling;
    client.release(broken || cancelling !== undefined);
  }
}

function snapshotOn(
  client: pg.PoolClient,
  on: { before: (statement: string) => void; onError: (error: unknown) => void },
): Snapshot {
  return {
    async rows(name, text, values) {
      on.before(name ?? text);
      const query = { text, values, rowMode: 'array' as const, types: asText };
      try {
        return (await client.query(name === undefined ? query : { ...query, name })).rows as Row[];
      } catch (error) {
        on.onError(error);
        throw error;
      }
    },
  };
}

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

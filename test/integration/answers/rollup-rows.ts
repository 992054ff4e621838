// Rollups as a test writes them by hand: base cells in, every tier out. The sums of the coarser
// tiers are formed here, by SQL of the test's own, so that the statements under test have something
// independent to agree with.
import pg from 'pg';
import {
  createQueries,
  type Queries,
  type Query,
  type QueryContext,
  type QueryOptions,
} from '../../../src/answers/queries.js';
import { addUpDay } from '../../../src/counting/days/add-up-day.js';
import { parseInstant } from '../../../src/domain/time/instant.js';
import {
  GetAccountUsageResponse,
  GetDeliveryBreakdownResponse,
  GetOperatorPerformanceResponse,
  GetSummaryResponse,
  GetThroughputResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { systemClock } from '../../../src/platform/clock.js';
import { createReadPool, type ReadPool } from '../../../src/postgres/pool.js';
import { createDatabase, type TestDatabase } from '../../support/engines.js';

export interface OutcomeRow {
  at: string;
  account: string;
  operator: string;
  outcome: string;
  reason?: string;
  messages: number;
  segments?: number;
  contradicted?: number;
}

export interface MoneyRow {
  at: string;
  account: string;
  operator: string;
  currency: string;
  charges: number;
  charged: string;
  refunds?: number;
  refunded?: string;
}

export interface LatencyRow {
  at: string;
  operator: string;
  bin: number;
  messages: number;
}

export interface ThroughputRow {
  at: string;
  operator: string;
  accepted: number;
  completed: number;
}

const TIERS = `unnest('{15,60,1440}'::smallint[]) AS grain`;
const ACCOUNT_TIERS = `unnest('{60}'::smallint[]) AS grain`;
const BUCKET = `date_bin(grain * interval '1 minute', at, timestamptz '2000-01-01T00:00:00Z')`;

export class RollupWriter {
  private constructor(
    readonly database: TestDatabase,
    private readonly client: pg.Client,
  ) {}

  static async open(): Promise<RollupWriter> {
    const database = await createDatabase();
    const client = new pg.Client({ connectionString: database.superuserUrl });
    await client.connect();
    return new RollupWriter(database, client);
  }

  close(): Promise<void> {
    return this.client.end();
  }

  async outcomes(rows: readonly OutcomeRow[], generation = 1): Promise<void> {
    const columns = `at timestamptz, account text, operator text, outcome text, reason text,
                     messages bigint, segments bigint, contradicted bigint`;
    const full = rows.map((row) => ({ reason: '', segments: 0, contradicted: 0, ...row }));
    const from = `FROM jsonb_to_recordset($2) AS cell (${columns})`;
    const sums = 'sum(messages), sum(segments), sum(contradicted)';
    await this.client.query(
      `INSERT INTO outcome_account (generation, grain_minutes, bucket, account_id, operator_id,
                                    outcome, reason, messages, segments, contradicted)
       SELECT $1, 15, at, account, operator, outcome, reason, ${sums} ${from}
        GROUP BY at, account, operator, outcome, reason`,
      [generation, JSON.stringify(full)],
    );
    await this.client.query(
      `INSERT INTO outcome_platform (generation, grain_minutes, bucket, operator_id,
                                     outcome, reason, messages, segments, contradicted)
       SELECT $1, grain, ${BUCKET}, operator, outcome, reason, ${sums} ${from}, ${TIERS}
        GROUP BY 2, 3, operator, outcome, reason`,
      [generation, JSON.stringify(full)],
    );
    const of = (outcome: string) =>
      `coalesce(sum(messages) FILTER (WHERE outcome = '${outcome}'), 0)`;
    const measures = `pending, delivered, undeliverable, expired, rejected, deleted, unknown, segments, contradicted`;
    const all = `${of('PENDING')}, ${of('DELIVERED')}, ${of('UNDELIVERABLE')}, ${of('EXPIRED')},
                 ${of('REJECTED')}, ${of('DELETED')}, ${of('UNKNOWN')}, sum(segments), sum(contradicted)`;
    await this.client.query(
      `INSERT INTO outcome_sum (generation, grain_minutes, bucket, operator_id, ${measures})
       SELECT $1, grain, ${BUCKET}, whose, ${all}
         ${from}, ${TIERS}, unnest(ARRAY[operator, '']) AS whose
        GROUP BY 2, 3, whose`,
      [generation, JSON.stringify(full)],
    );
    await this.client.query(
      `INSERT INTO account_outcome_sum (generation, grain_minutes, bucket, account_id, ${measures})
       SELECT $1, grain, ${BUCKET}, account, ${all} ${from}, ${ACCOUNT_TIERS} GROUP BY 2, 3, account`,
      [generation, JSON.stringify(full)],
    );
    await this.touch(rows, generation);
  }

  /** Adds up a UTC day (`YYYY-MM-DD`) as ingest does. */
  addUpDay(day: string): Promise<boolean> {
    return addUpDay(this.client, 1, Date.parse(day) / 86_400_000);
  }

  /** Says that the days of these rows have changed, as the ledger statement does. */
  private async touch(rows: readonly { at: string }[], generation = 1): Promise<void> {
    await this.client.query(
      `INSERT INTO day_version AS r (generation, bucket)
       SELECT DISTINCT $1::smallint, date_trunc('day', at, 'UTC') FROM unnest($2::timestamptz[]) AS at
       ON CONFLICT (generation, grain_minutes, bucket) DO UPDATE SET version = r.version + 1`,
      [generation, rows.map((row) => row.at)],
    );
  }

  async money(rows: readonly MoneyRow[]): Promise<void> {
    const columns = `at timestamptz, account text, operator text, currency text,
                     charges bigint, charged numeric, refunds bigint, refunded numeric`;
    const full = rows.map((row) => ({ refunds: 0, refunded: '0', ...row }));
    const from = `FROM jsonb_to_recordset($1) AS cell (${columns})`;
    const sums = 'sum(charges), sum(charged), sum(refunds), sum(refunded)';
    await this.client.query(
      `INSERT INTO money_account (generation, grain_minutes, bucket, account_id, operator_id, currency,
                                  charges, charged, refunds, refunded)
       SELECT 1, 15, at, account, operator, currency, ${sums} ${from}
        GROUP BY at, account, operator, currency`,
      [JSON.stringify(full)],
    );
    await this.client.query(
      `INSERT INTO money_sum (generation, grain_minutes, bucket, operator_id, currency,
                              charges, charged, refunds, refunded)
       SELECT 1, grain, ${BUCKET}, whose, currency, ${sums} ${from}, ${TIERS}, unnest(ARRAY[operator, '']) AS whose
        GROUP BY 2, 3, whose, currency`,
      [JSON.stringify(full)],
    );
    await this.client.query(
      `INSERT INTO account_money_sum (generation, grain_minutes, bucket, account_id, currency,
                                      charges, charged, refunds, refunded)
       SELECT 1, grain, ${BUCKET}, account, currency, ${sums} ${from}, ${ACCOUNT_TIERS}
        GROUP BY 2, 3, account, currency`,
      [JSON.stringify(full)],
    );
    await this.touch(rows);
  }

  async latency(rows: readonly LatencyRow[]): Promise<void> {
    const from = `FROM jsonb_to_recordset($1)
                    AS cell (at timestamptz, operator text, bin smallint, messages bigint)`;
    await this.client.query(
      `INSERT INTO latency_platform (generation, grain_minutes, bucket, operator_id, bin, messages)
       SELECT 1, 15, at, operator, bin, sum(messages) ${from} GROUP BY at, operator, bin`,
      [JSON.stringify(rows)],
    );
    await this.client.query(
      `INSERT INTO latency_histogram (generation, grain_minutes, bucket, operator_id, bins, messages)
       SELECT 1, grain, bucket, whose, array_agg(bin ORDER BY bin), array_agg(messages ORDER BY bin)
         FROM (SELECT grain, ${BUCKET} AS bucket, whose, bin, sum(messages) AS messages
                 ${from}, ${TIERS}, unnest(ARRAY[operator, '']) AS whose
                GROUP BY 1, 2, 3, 4) AS by_bin
        GROUP BY 2, 3, 4`,
      [JSON.stringify(rows)],
    );
    await this.touch(rows);
  }

  async throughput(rows: readonly ThroughputRow[]): Promise<void> {
    const from = `FROM jsonb_to_recordset($1)
                    AS cell (at timestamptz, operator text, accepted bigint, completed bigint)`;
    await this.client.query(
      `INSERT INTO throughput_platform (generation, grain_minutes, bucket, operator_id, accepted, completed)
       SELECT 1, grain, ${BUCKET}, operator, sum(accepted), sum(completed)
         ${from}, unnest('{1,60,1440}'::smallint[]) AS grain
        GROUP BY 2, 3, operator`,
      [JSON.stringify(rows)],
    );
    await this.client.query(
      `WITH minute AS (SELECT date_trunc('minute', at) AS at, sum(accepted) AS accepted, sum(completed) AS completed
                       ${from} GROUP BY 1),
            hour AS (SELECT DISTINCT date_trunc('hour', at, 'UTC') AS hour FROM minute)
       INSERT INTO throughput_sum (generation, grain_minutes, bucket, accepted, completed)
       SELECT 1, 60, hour, array_agg(coalesce(accepted, 0) ORDER BY i), array_agg(coalesce(completed, 0) ORDER BY i)
         FROM hour CROSS JOIN generate_series(0, 59) AS i
         LEFT JOIN minute ON minute.at = hour + i * interval '1 min'
        GROUP BY hour`,
      [JSON.stringify(rows)],
    );
    await this.touch(rows);
  }

  /** Says that an ingest process has seen everything that was published before `dataAsOf`. */
  async freshness(dataAsOf: string, revision = 1, worker = 'test'): Promise<void> {
    await this.client.query(
      `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', '2026-01-01T00:00:00Z')
       ON CONFLICT DO NOTHING`,
    );
    await this.client.query(
      `INSERT INTO ingest_progress (worker, generation, stream_id, revision, data_as_of)
       SELECT $3, 1, stream_id, $2, $1 FROM event_stream
       ON CONFLICT (generation, stream_id, worker) DO UPDATE SET revision = $2, data_as_of = $1`,
      [dataAsOf, revision, worker],
    );
  }

  query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    return this.client.query(text, values);
  }
}

/** The questions with their answers decoded. */
type Decoded = {
  [Name in keyof Queries]: Queries[Name] extends Query<infer Request, infer Response>
    ? (request: Request, context: QueryContext) => Promise<Response>
    : Queries[Name];
};

export interface TestQueries extends Decoded {
  readonly platformPool: ReadPool;
  readonly accountPool: ReadPool;
  end(): Promise<void>;
}

/** The questions over a test's database, at a wall clock that stands still. */
export function queriesAt(
  database: Pick<TestDatabase, 'url'>,
  now: string,
  {
    accountRole = 'analytics_account',
    ...options
  }: Partial<QueryOptions> & { accountRole?: 'analytics_account' | 'analytics_platform' } = {},
): TestQueries {
  const pool = (role: 'analytics_platform' | 'analytics_account') =>
    createReadPool({ url: { reveal: () => database.url(role) }, size: 2 });
  const platformPool = pool('analytics_platform');
  const accountPool = pool(accountRole);
  const statePool = pool('analytics_platform');
  const instant = parseInstant(now) as number;
  const clock = { now: () => instant, monotonicMs: systemClock.monotonicMs };
  const queries = createQueries({ platformPool, accountPool, statePool, clock, ...options });
  const decoded =
    <Request, Response>(
      query: Query<Request, Response>,
      type: { decode(bytes: Uint8Array): Response },
    ) =>
    async (request: Request, context: QueryContext) =>
      plain(type.decode(await query(request, context)));
  return {
    ...queries,
    getSummary: decoded(queries.getSummary, GetSummaryResponse),
    getOperatorPerformance: decoded(queries.getOperatorPerformance, GetOperatorPerformanceResponse),
    getAccountUsage: decoded(queries.getAccountUsage, GetAccountUsageResponse),
    getThroughput: decoded(queries.getThroughput, GetThroughputResponse),
    getDeliveryBreakdown: decoded(queries.getDeliveryBreakdown, GetDeliveryBreakdownResponse),
    platformPool,
    accountPool,
    async end() {
      await Promise.all([platformPool.end(), accountPool.end(), statePool.end()]);
    },
  };
}

/** Without the fields that a decoder keeps for what it does not know. */
function plain<T>(message: T): T {
  if (Array.isArray(message)) return message.map(plain) as T;
  if (typeof message !== 'object' || message === null || message instanceof Uint8Array) {
    return message;
  }
  const fields = Object.entries(message).filter(([name]) => name !== '_unknownFields');
  return Object.fromEntries(fields.map(([name, value]) => [name, plain(value)])) as T;
}

/** A caller without a deadline of its own. */
export function caller(accountId?: string): QueryContext {
  const signal = new AbortController().signal;
  return { accountId, rowAccountId: accountId, signal, deadline: undefined };
}

/** Seconds of a Timestamp as ISO text. */
export function isoOf(timestamp: { seconds: bigint } | undefined): string | undefined {
  return timestamp && new Date(Number(timestamp.seconds) * 1000).toISOString().replace('.000', '');
}

// A stage for the copy job: a database and a ClickHouse of its own, rollup rows put there by plain
// SQL, and a comparison of the two sides that shares nothing with the job's own verification.

import { type ClickHouseClient, createClient } from '@clickhouse/client';
import pg from 'pg';
import { expect } from 'vitest';
import { type RunResult, runOnce } from '../../../src/copy/run.js';
import type { RunEnvironment } from '../../../src/copy/run-environment.js';
import { type Ends, withSessions } from '../../../src/copy/sessions.js';
import type { TestClickHouse, TestDatabase } from '../../support/engines.js';

/** One change of a rollup row, as the ingest would make it. */
export interface Change {
  readonly bucket: string;
  readonly account?: string;
  readonly operator?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly messages: number;
  readonly charged?: string;
}

export interface Stage {
  /** A superuser's session. */
  readonly postgres: pg.Client;
  readonly clickhouse: ClickHouseClient;
  readonly ends: Ends;
  run(options?: Partial<RunEnvironment>): Promise<RunResult>;
  /**
   * Rows and their change-log entries, in one transaction of `session`'s own or the one it has
   * open.
   */
  change(changes: readonly Change[], session?: pg.Client): Promise<void>;
  /** A statement as the superuser, and its rows as arrays of text. */
  sql(text: string, values?: unknown[]): Promise<string[][]>;
  /** A query on ClickHouse in the stage's database, and its rows. */
  ask(query: string): Promise<string[][]>;
  /** Fails unless views and tables hold exactly what Postgres's serving generation holds. */
  expectEqualSides(): Promise<void>;
  close(): Promise<void>;
}

export async function openStage(database: TestDatabase, warehouse: TestClickHouse): Promise<Stage> {
  const postgres = new pg.Client({ connectionString: database.superuserUrl });
  postgres.on('error', () => {});
  await postgres.connect();
  await postgres.query(`SET TIME ZONE 'UTC'`);
  const { url, password = '' } = warehouse;
  const clickhouse = createClient({ url, password, clickhouse_settings: { async_insert: 0 } });
  const ends: Ends = {
    databaseUrl: database.url('analytics_etl'),
    warehouse: { url, username: 'default', password },
    target: { database: warehouse.database, cluster: undefined },
  };
  const stage: Stage = {
    postgres,
    clickhouse,
    ends,
    run: (options = {}) =>
      withSessions(ends, async (open) => {
        return runOnce({ ...open, ...defaults, target: ends.target, ...options });
      }),
    change: (changes, session = postgres) => applyChanges(session, changes),
    sql: async (text, values) =>
      (await postgres.query<string[]>({ text, values: values ?? [], rowMode: 'array' })).rows,
    ask: async (query) => {
      const result = await clickhouse.query({
        query: query.replaceAll('DB.', `${warehouse.database}.`),
        format: 'JSONCompactStringsEachRow',
      });
      return result.json<string[]>();
    },
    expectEqualSides: () => expectEqualSides(stage),
    close: async () => {
      await Promise.all([postgres.end(), clickhouse.close()]);
    },
  };
  return stage;
}

const defaults = { settlingSeconds: 72 * 3600, chunkBytes: 1024 * 1024, sliceDays: 1, full: false };

async function applyChanges(session: pg.Client, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    const account = change.account ?? 'acme';
    const operator = change.operator ?? '41220';
    const outcome = change.outcome ?? 'DELIVERED';
    await session.query(
      `WITH g AS (SELECT serving_generation() AS generation),
       o AS (INSERT INTO outcome_account AS r (generation, grain_minutes, bucket, account_id, operator_id, outcome,
               reason, messages, segments, contradicted)
             SELECT generation, 15, $1, $2, $3, $4, $5, $6::bigint, $6::bigint * 2, 0 FROM g
             ON CONFLICT (generation, account_id, grain_minutes, bucket, operator_id, outcome, reason) DO UPDATE SET
               messages = r.messages + excluded.messages, segments = r.segments + excluded.segments,
               version = r.version + 1),
       m AS (INSERT INTO money_account AS r (generation, grain_minutes, bucket, account_id, operator_id, currency,
               charges, charged, refunds, refunded)
             SELECT generation, 15, $1, $2, $3, 'EUR', $6::bigint, $7::numeric, 0, 0 FROM g
             ON CONFLICT (generation, account_id, grain_minutes, bucket, operator_id, currency) DO UPDATE SET
               charges = r.charges + excluded.charges, charged = r.charged + excluded.charged,
               version = r.version + 1),
       l AS (INSERT INTO latency_platform AS r (generation, grain_minutes, bucket, operator_id, bin, messages)
             SELECT generation, 15, $1, $3, 300 + length($2) % 7, $6::bigint FROM g
             ON CONFLICT (generation, grain_minutes, bucket, operator_id, bin) DO UPDATE SET
               messages = r.messages + excluded.messages, version = r.version + 1),
       t AS (INSERT INTO throughput_platform AS r (generation, grain_minutes, bucket, operator_id, accepted, completed)
             SELECT generation, 1, $1::timestamptz + interval '7 min', $3, $6::bigint, 1 FROM g
             ON CONFLICT (generation, grain_minutes, bucket, operator_id) DO UPDATE SET
               accepted = r.accepted + excluded.accepted, version = r.version + 1)
       INSERT INTO rollup_change (generation, rollup, bucket)
       SELECT generation, rollup, $1::timestamptz + CASE rollup WHEN 'throughput' THEN interval '7 min' ELSE '0' END
         FROM g, unnest('{outcome,money,latency,throughput}'::text[]) AS rollup`,
      [
        change.bucket,
        account,
        operator,
        outcome,
        change.reason ?? '',
        change.messages,
        change.charged ?? '0.005',
      ],
    );
  }
}

/**
 * Every row as text, zero rows included, from both sides; the text is built here and nowhere else.
 */
const comparisons = [
  {
    postgres: `SELECT to_char(bucket, 'YYYY-MM-DD HH24:MI:SS'), account_id, operator_id, outcome, reason, messages::text,
                 segments::text, contradicted::text, version::text
                 FROM outcome_account WHERE generation = serving_generation() AND grain_minutes = 15`,
    clickhouse: `SELECT bucket, account_id, operator_id, outcome, reason, messages, segments, contradicted, version FROM DB.outcome_copy FINAL`,
  },
  {
    postgres: `SELECT to_char(bucket, 'YYYY-MM-DD HH24:MI:SS'), account_id, operator_id, currency, charges::text,
                 trim_scale(charged)::text, refunds::text, trim_scale(refunded)::text, version::text
                 FROM money_account WHERE generation = serving_generation() AND grain_minutes = 15`,
    clickhouse: `SELECT bucket, account_id, operator_id, currency, charges, charged, refunds, refunded, version FROM DB.money_copy FINAL`,
  },
  {
    postgres: `SELECT to_char(bucket, 'YYYY-MM-DD HH24:MI:SS'), operator_id, bin::text, messages::text, version::text
                 FROM latency_platform WHERE generation = serving_generation() AND grain_minutes = 15`,
    clickhouse: `SELECT bucket, operator_id, bin, messages, version FROM DB.latency_copy FINAL`,
  },
  {
    postgres: `SELECT to_char(bucket, 'YYYY-MM-DD HH24:MI:SS'), operator_id, accepted::text, completed::text, version::text
                 FROM throughput_platform WHERE generation = serving_generation() AND grain_minutes = 1`,
    clickhouse: `SELECT bucket, operator_id, accepted, completed, version FROM DB.throughput_copy FINAL`,
  },
];

async function expectEqualSides(stage: Stage): Promise<void> {
  for (const { postgres, clickhouse } of comparisons) {
    const ofNewestMark = `WHERE (generation, copy) IN (SELECT generation, copy FROM DB.copy_mark ORDER BY epoch DESC LIMIT 1)`;
    const expected = (await stage.sql(postgres)).map((row) => row.join('|')).sort();
    const actual = (await stage.ask(`${clickhouse} ${ofNewestMark}`))
      .map((row) => row.join('|'))
      .sort();
    expect(actual).toEqual(expected);
  }
  // And what analysts read, to the last digit.
  const [outcomes] = await stage.sql(
    `SELECT coalesce(sum(messages), 0)::text, coalesce(sum(segments), 0)::text, count(*)::text FROM outcome_account
      WHERE generation = serving_generation() AND grain_minutes = 15 AND messages <> 0`,
  );
  expect(await stage.ask('SELECT sum(messages), sum(segments), count() FROM DB.outcomes')).toEqual([
    outcomes,
  ]);
  const [money] = await stage.sql(
    `SELECT coalesce(sum(charges), 0)::text, coalesce(trim_scale(sum(charged)), 0)::text FROM money_account
      WHERE generation = serving_generation() AND grain_minutes = 15`,
  );
  expect(await stage.ask('SELECT sum(charges), sum(charged) FROM DB.money')).toEqual([money]);
}

/**
 * Changes that differ from each other: `count` of them, spread over days, accounts and operators.
 */
export function manyChanges(count: number, seed = 1): Change[] {
  const outcomes = ['DELIVERED', 'PENDING', 'REJECTED', 'EXPIRED'];
  return Array.from({ length: count }, (_, index) => {
    const n = index * 7919 + seed * 104729;
    return {
      bucket: new Date(Date.UTC(2026, 9, 20 + (n % 20), n % 24, 15 * (n % 4))).toISOString(),
      account: `acc-${n % 11}`,
      operator: String(41200 + (n % 5)),
      outcome: outcomes[n % 4] as string,
      reason: n % 4 === 2 ? 'THROTTLED' : '',
      messages: 1 + (n % 9),
      charged: `${n % 100}.${String(n % 1_000_000_007)
        .padStart(9, '0')
        .slice(0, 9)}`,
    };
  });
}

// Engines of the benchmark's own, in a directory that goes away with the process, and rollups of a
// given size.

import { join } from 'node:path';
import pg from 'pg';
import { startClickHouse } from '../../deploy/local/engines/clickhouse/clickhouse.js';
import { ensureDatabase, prepareDatabase, roleUrl } from '../../deploy/local/engines/database.js';
import { freePorts } from '../../deploy/local/engines/ports.js';
import { postgresUrl, startPostgres } from '../../deploy/local/engines/postgres-server.js';
import { randomCredentials } from '../../deploy/local/secrets/credentials.js';
import type { Ends } from '../../src/copy/sessions.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

export interface BenchStage {
  readonly postgres: pg.Client;
  readonly ends: Ends;
  close(): Promise<void>;
}

export async function openBenchStage(): Promise<BenchStage> {
  const directory = await temporaryDirectory('bench-etl');
  const credentials = randomCredentials();
  const [postgresPort = 0, clickhousePort = 0] = await freePorts(2);
  const [server, clickhouse] = await Promise.all([
    startPostgres({
      port: postgresPort,
      dataDir: join(directory, 'postgres'),
      logDir: join(directory, 'logs'),
      password: credentials.superuser,
      durable: false,
    }),
    startClickHouse({
      port: clickhousePort,
      dataDir: join(directory, 'clickhouse'),
      logFile: join(directory, 'logs/clickhouse.log'),
    }),
  ]);
  const url = await ensureDatabase(postgresUrl(postgresPort, credentials.superuser), 'bench');
  await prepareDatabase(url, credentials);
  const postgres = new pg.Client({ connectionString: url });
  await postgres.connect();
  return {
    postgres,
    ends: {
      databaseUrl: roleUrl(url, 'analytics_etl', credentials),
      warehouse: { url: `http://127.0.0.1:${clickhousePort}`, username: 'default', password: '' },
      target: { database: 'bench', cluster: undefined },
    },
    close: async () => {
      await postgres.end();
      await Promise.all([server.stop(), clickhouse.stop()]);
    },
  };
}

const spreadDays = 30;

/**
 * Fills the empty rollups with `count` rows in all, over 30 days and in the order of time, as they
 * would have come: seven in ten are outcomes.
 */
export async function fill(postgres: pg.Client, count: number): Promise<number> {
  await postgres.query(
    'TRUNCATE outcome_account, money_account, latency_platform, throughput_platform',
  );
  // $1 rows; row i is the (i % $2)th of its bucket.
  const at = (minutes: number) =>
    `date_trunc('day', now(), 'UTC') - (i / $2) * interval '${minutes} min'`;
  const inserts: [string, number, number][] = [
    [
      `INSERT INTO outcome_account SELECT 1, 15, ${at(15)}, 'account-' || i % $2, (41200 + i % 7)::text,
         (array['DELIVERED', 'PENDING', 'REJECTED'])[1 + i % 3], CASE WHEN i % 3 = 2 THEN 'THROTTLED' ELSE '' END,
         i % 100, i % 200, 0`,
      0.7,
      15,
    ],
    [
      `INSERT INTO money_account SELECT 1, 15, ${at(15)}, 'account-' || i % $2, (41200 + i % 7)::text, 'EUR',
         i % 100, i * 0.0123, i % 3, i * 0.000000001`,
      0.2,
      15,
    ],
    [
      `INSERT INTO latency_platform SELECT 1, 15, ${at(15)}, (41200 + i % $2 % 7)::text, (i % $2 / 7)::int, i % 50`,
      0.08,
      15,
    ],
    [
      `INSERT INTO throughput_platform SELECT 1, 1, ${at(1)}, (41200 + i % $2)::text, i % 50, i % 40`,
      0.02,
      1,
    ],
  ];
  for (const [insert, share, minutes] of inserts) {
    const rows = Math.round(count * share);
    const perBucket = Math.max(1, Math.ceil((rows * minutes) / (spreadDays * 1440)));
    const text = `${insert} FROM generate_series(0, $1::int - 1) AS i`.replaceAll('$2', '$2::int');
    await postgres.query(text, [rows, perBucket]);
  }
  await postgres.query('VACUUM ANALYZE');
  const { rows } = await postgres.query<{ count: string }>(
    `SELECT (SELECT count(*) FROM outcome_account) + (SELECT count(*) FROM money_account)
          + (SELECT count(*) FROM latency_platform) + (SELECT count(*) FROM throughput_platform) AS count`,
  );
  return Number(rows[0]?.count);
}

/** Changes every row, as one transaction of ingest would record it. */
export async function changeEverything(postgres: pg.Client): Promise<void> {
  const rollups = [
    ['outcome', 'outcome_account', 'messages'],
    ['money', 'money_account', 'charges'],
    ['latency', 'latency_platform', 'messages'],
    ['throughput', 'throughput_platform', 'accepted'],
  ] as const;
  await postgres.query('BEGIN');
  for (const [name, table, measure] of rollups) {
    await postgres.query(`UPDATE ${table} SET ${measure} = ${measure} + 1, version = version + 1`);
    await postgres.query(
      `INSERT INTO rollup_change (generation, rollup, bucket) SELECT DISTINCT 1::smallint, $1::text, bucket FROM ${table}`,
      [name],
    );
  }
  await postgres.query('COMMIT');
  await postgres.query('VACUUM');
}

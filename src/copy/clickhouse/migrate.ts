// Brings ClickHouse to this build's tables and views: numbered migrations, each recorded when all
// of its statements are done. Statements may be repeated, so a migration that was cut short is
// simply run again.
import type { ClickHouseClient } from '@clickhouse/client';
import { type DdlTarget, engineClause, onCluster, qualified, quoted } from './ddl.js';
import { onWarehouse, WarehouseFailure } from './failure.js';
import { tables } from './migrations/001-tables.js';
import { views } from './migrations/002-views.js';

/** A step of the schema. Once released it never changes; what changes is a new one. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: (target: DdlTarget) => readonly string[];
}

/** All migrations, by number. */
export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'tables', statements: tables },
  { number: 2, name: 'views', statements: views },
];

const recordTable = 'schema_migration';

/**
 * Numbers of the migrations that were applied just now. Views hold no rows: they are made anew
 * every time, which is also the cure for one that was dropped or replaced.
 */
export async function migrate(
  client: ClickHouseClient,
  target: DdlTarget,
): Promise<readonly number[]> {
  const cluster = onCluster(target);
  await command(client, `CREATE DATABASE IF NOT EXISTS ${quoted(target.database)}${cluster}`);
  await command(
    client,
    `CREATE TABLE IF NOT EXISTS ${qualified(target, recordTable)}${cluster} (
  number UInt32,
  name String,
  applied_at DateTime DEFAULT now()
)
ENGINE = ${engineClause(target, { kind: 'replacing', version: 'applied_at' })}
ORDER BY number`,
  );
  const pending = await pendingMigrations(client, target);
  for (const migration of pending) {
    for (const statement of migration.statements(target)) await command(client, statement);
    await onWarehouse(`recording migration ${migration.number}`, () =>
      client.insert({
        table: `${target.database}.${recordTable}`,
        columns: ['number', 'name'],
        values: [[migration.number, migration.name]],
        format: 'JSONCompactEachRow',
      }),
    );
  }
  if (!pending.some((migration) => migration.statements === views)) {
    for (const statement of views(target)) await command(client, statement);
  }
  return pending.map((migration) => migration.number);
}

/**
 * What is still to be applied. A database or a record table that is missing means everything.
 * @throws WarehouseFailure `schema` when the server was migrated by a newer build.
 */
export async function pendingMigrations(
  client: ClickHouseClient,
  target: DdlTarget,
): Promise<readonly Migration[]> {
  const applied = await onWarehouse('reading the applied migrations', () =>
    appliedOf(client, target),
  );
  const newest = MIGRATIONS.at(-1)?.number ?? 0;
  const beyond = [...applied].filter((number) => number > newest);
  if (beyond.length > 0) {
    throw new WarehouseFailure(
      'schema',
      `ClickHouse is at migration ${Math.max(...beyond)}, this build knows ${newest}: ` +
        'use the newer build',
    );
  }
  return MIGRATIONS.filter((migration) => !applied.has(migration.number));
}

async function appliedOf(client: ClickHouseClient, target: DdlTarget): Promise<Set<number>> {
  const found = await client.query({
    query: `SELECT count() AS tables
FROM system.tables
WHERE database = {database:String} AND name = {name:String}`,
    query_params: { database: target.database, name: recordTable },
    format: 'JSONEachRow',
  });
  const [{ tables: count } = { tables: '0' }] = await found.json<{ tables: string }>();
  if (count === '0') return new Set();
  const result = await client.query({
    query: `SELECT DISTINCT number FROM ${qualified(target, recordTable)}`,
    format: 'JSONEachRow',
  });
  const rows = await result.json<{ number: number }>();
  return new Set(rows.map((row) => row.number));
}

async function command(client: ClickHouseClient, query: string): Promise<void> {
  const operation = `migrating (${query.split('\n', 1)[0]?.slice(0, 80)})`;
  await onWarehouse(operation, () =>
    client.command({ query, clickhouse_settings: { distributed_ddl_task_timeout: '120' } }),
  );
}

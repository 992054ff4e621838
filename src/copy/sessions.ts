// Opens what a run needs and closes it again, whatever happens in between: two Postgres sessions
// (one holds the fence, one reads the snapshot) and one ClickHouse client.
import type { ClickHouseClient } from '@clickhouse/client';
import pg from 'pg';
import { refusePrivilegedSession } from '../postgres/check-role.js';
import { connectWarehouse, type WarehouseConnection } from './clickhouse/connect.js';
import type { DdlTarget } from './clickhouse/ddl.js';
import { warehouseFailure } from './clickhouse/failure.js';
import { migrate, pendingMigrations } from './clickhouse/migrate.js';
import { postgresFailure } from './postgres/failure.js';

/** Both ends of the copy. */
export interface Ends {
  readonly databaseUrl: string;
  readonly warehouse: WarehouseConnection;
  readonly target: DdlTarget;
}

/** What is open. */
export interface Sessions {
  readonly fence: pg.Client;
  readonly reader: pg.Client;
  readonly clickhouse: ClickHouseClient;
}

/**
 * Runs `work` with open sessions. Failures of either end come out as PostgresFailure or
 * WarehouseFailure, a login that row-level security does not bind as PrivilegedRole.
 */
export async function withSessions<T>(
  ends: Ends,
  work: (open: Sessions) => Promise<T>,
): Promise<T> {
  const clickhouse = connectWarehouse(ends.warehouse);
  const fence = session(ends.databaseUrl, 'anlyt-etl fence');
  const reader = session(ends.databaseUrl, 'anlyt-etl reader');
  try {
    await Promise.all([fence.connect(), reader.connect()]);
    await refusePrivilegedSession('DATABASE_URL', fence);
    return await work({ fence, reader, clickhouse });
  } catch (error) {
    throw postgresFailure(error) ?? error;
  } finally {
    await Promise.allSettled([fence.end(), reader.end(), clickhouse.close()]);
  }
}

/** Runs `work` with ClickHouse only. */
export async function withWarehouse<T>(
  ends: Ends,
  work: (clickhouse: ClickHouseClient) => Promise<T>,
): Promise<T> {
  const clickhouse = connectWarehouse(ends.warehouse);
  try {
    return await work(clickhouse);
  } finally {
    await clickhouse.close();
  }
}

function session(connectionString: string, name: string): pg.Client {
  const client = new pg.Client({
    connectionString,
    application_name: name,
    connectionTimeoutMillis: 10_000,
    // No statement has a time-out: a full copy reads for as long as the rollups are large. What
    // ends a run that hangs is the deadline of its job; a peer that is gone without a word is
    // noticed by TCP.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  client.on('error', () => {}); // the statement at work, or the next one, rejects with it
  return client;
}

/**
 * Brings the tables of ClickHouse to this build, where they are not. With the runner's own
 * credential that works in the local stack only; elsewhere it is refused, and the failure says so.
 */
export async function ensureMigrated(
  clickhouse: ClickHouseClient,
  target: DdlTarget,
): Promise<readonly number[]> {
  if ((await pendingMigrations(clickhouse, target)).length === 0) return [];
  try {
    return await migrate(clickhouse, target);
  } catch (error) {
    const failure = warehouseFailure('migrating ClickHouse', error);
    if (failure.kind === 'refused') {
      failure.message =
        'ClickHouse lacks tables of this build: run `anlyt-etl migrate` ' +
        `with the owner's credential (${failure.message})`;
    }
    throw failure;
  }
}

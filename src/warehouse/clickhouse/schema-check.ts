/**
 * Tells schema drift before a row is sent: a column that is missing or has another type would otherwise surface as
 * a parse error in the middle of a load, or as a default that nobody meant.
 */
import type { ClickHouseClient } from '@clickhouse/client';
import { COPIED_ROLLUPS } from '../../domain/copied-rollup.js';
import { tableColumns } from './columns.js';
import type { DdlTarget } from './ddl.js';
import { onWarehouse, WarehouseFailure } from './failure.js';

/** @throws WarehouseFailure `schema`, naming every difference at once and what to do. */
export async function checkSchema(client: ClickHouseClient, target: DdlTarget): Promise<void> {
  const found = await onWarehouse('reading the tables of ClickHouse', async () => {
    const result = await client.query({
      query: 'SELECT table, name, type FROM system.columns WHERE database = {database:String}',
      query_params: { database: target.database },
      format: 'JSONEachRow',
    });
    return result.json<{ table: string; name: string; type: string }>();
  });
  const typeOf = new Map(found.map((column) => [`${column.table}.${column.name}`, column.type]));
  const visible = new Set(found.map((column) => column.table));
  const wrong = COPIED_ROLLUPS.flatMap((rollup) => {
    if (!visible.has(rollup.target)) {
      return [`${target.database}.${rollup.target} is missing, or this user has no grant on it`];
    }
    return tableColumns(rollup).flatMap(({ name, type }) => {
      const actual = typeOf.get(`${rollup.target}.${name}`);
      if (actual === type) return [];
      const is = actual === undefined ? 'is missing' : `is ${actual}`;
      return [`${target.database}.${rollup.target}.${name} ${is}, must be ${type}`];
    });
  });
  if (wrong.length === 0) return;
  throw new WarehouseFailure(
    'schema',
    `ClickHouse has drifted: ${wrong.join('; ')}. Grant what deploy/clickhouse/grants.sql has, restore the column (ALTER TABLE … ADD/MODIFY COLUMN), or drop the table and its row in schema_migration and run \`anlyt-etl migrate\`; then \`anlyt-etl run --full\`. Nothing was copied.`,
  );
}

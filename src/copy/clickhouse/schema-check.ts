// Tells schema drift before a row is sent. Otherwise a missing column or another type would surface
// as a parse error in the middle of a load, and a table of another engine as an error of a query.
// Only analysts would notice a view that is gone or says something else.
import type { ClickHouseClient } from '@clickhouse/client';
import { COPIED_ROLLUPS } from '../../rollups/copied-rollup.js';
import { sortingKey, tableColumns } from './columns.js';
import type { DdlTarget } from './ddl.js';
import { onWarehouse, WarehouseFailure } from './failure.js';
import { viewDefinitions } from './migrations/002-views.js';

/** What ClickHouse says about a table or a view. */
interface FoundTable {
  readonly name: string;
  readonly engine: string;
  /** With arguments, keys and settings. */
  readonly engine_full: string;
  readonly sorting_key: string;
  readonly as_select: string;
}

const tableCure =
  'Restore it, or drop the table and its row in schema_migration and run `anlyt-etl migrate`; ' +
  'then `anlyt-etl run --full`. Grants: deploy/clickhouse/grants.sql.';
const viewCure = "Run `anlyt-etl migrate` with the owner's credential; it makes the views anew.";

/**
 * @throws WarehouseFailure `schema`, naming every difference at once and what to do. The first
 * words say the most.
 */
export async function checkSchema(client: ClickHouseClient, target: DdlTarget): Promise<void> {
  const found = new Map((await tablesOf(client, target)).map((table) => [table.name, table]));
  const ofTables = [...(await wrongColumns(client, target)), ...wrongEngines(found, target)];
  const ofViews = await wrongViews(client, found, target);
  const [first, ...others] = [...ofTables, ...ofViews];
  if (first === undefined) return;
  const cures = [
    ...(ofTables.length > 0 ? [tableCure] : []),
    ...(ofViews.length > 0 ? [viewCure] : []),
  ];
  const also = others.length > 0 ? ` Also: ${others.join('; ')}.` : '';
  throw new WarehouseFailure(
    'schema',
    `ClickHouse has drifted, nothing was copied: ${first}. ${cures.join(' ')}${also}`,
  );
}

async function tablesOf(client: ClickHouseClient, target: DdlTarget): Promise<FoundTable[]> {
  return onWarehouse('reading the tables of ClickHouse', async () => {
    const result = await client.query({
      query: `SELECT name, engine, engine_full, sorting_key, as_select FROM system.tables
WHERE database = {database:String}`,
      query_params: { database: target.database },
      format: 'JSONEachRow',
    });
    return result.json<FoundTable>();
  });
}

async function wrongColumns(client: ClickHouseClient, target: DdlTarget): Promise<string[]> {
  const found = await onWarehouse('reading the columns of ClickHouse', async () => {
    const result = await client.query({
      query: 'SELECT table, name, type FROM system.columns WHERE database = {database:String}',
      query_params: { database: target.database },
      format: 'JSONEachRow',
    });
    return result.json<{ table: string; name: string; type: string }>();
  });
  const typeOf = new Map(found.map((column) => [`${column.table}.${column.name}`, column.type]));
  const visible = new Set(found.map((column) => column.table));
  return COPIED_ROLLUPS.flatMap((rollup) => {
    if (!visible.has(rollup.target)) return [absent(target, rollup.target)];
    return tableColumns(rollup).flatMap(({ name, type }) => {
      const actual = typeOf.get(`${rollup.target}.${name}`);
      if (actual === type) return [];
      const is = actual === undefined ? 'is missing' : `is ${actual}`;
      return [`${target.database}.${rollup.target}.${name} ${is}, must be ${type}`];
    });
  });
}

/**
 * Rows of one key are settled by the engine and its version column: another one would keep both, or
 * the wrong one.
 */
function wrongEngines(found: ReadonlyMap<string, FoundTable>, target: DdlTarget): string[] {
  const expected = [
    ...COPIED_ROLLUPS.map((rollup) => ({
      name: rollup.target,
      version: 'version',
      order: sortingKey(rollup),
    })),
    { name: 'copy_mark', version: 'epoch', order: 'generation, copy' },
  ];
  return expected.flatMap(({ name, version, order }) => {
    const table = found.get(name);
    // An absent copy is told by its columns.
    if (table === undefined) return name === 'copy_mark' ? [absent(target, name)] : [];
    const where = `${target.database}.${name}`;
    const settlesBy = new RegExp(`^(\\w*)ReplacingMergeTree\\(([^()]*, )?${version}\\)`);
    const [, prefix] = settlesBy.exec(table.engine_full) ?? [];
    if (prefix === undefined || (target.cluster !== undefined && prefix === '')) {
      const kind = target.cluster === undefined ? '' : 'Replicated';
      return [`${where} is a ${table.engine}, must be ${kind}ReplacingMergeTree by ${version}`];
    }
    if (table.sorting_key === order) return [];
    return [`${where} is ordered by (${table.sorting_key}), must be by (${order})`];
  });
}

/** The server formats both texts, so that only what they say is compared. */
async function wrongViews(
  client: ClickHouseClient,
  found: ReadonlyMap<string, FoundTable>,
  target: DdlTarget,
): Promise<string[]> {
  const expected = viewDefinitions(target);
  const seen = expected.filter(({ name }) => found.get(name)?.engine === 'View');
  const texts = seen.flatMap(({ name, select }) => [select, found.get(name)?.as_select ?? '']);
  const formatted = texts.length === 0 ? [] : await formattedBy(client, texts);
  const differs = new Set(
    seen.filter((_, at) => formatted[2 * at] !== formatted[2 * at + 1]).map(({ name }) => name),
  );
  return expected.flatMap(({ name }) => {
    const table = found.get(name);
    if (table === undefined) return [absent(target, name)];
    const where = `${target.database}.${name}`;
    if (table.engine !== 'View') return [`${where} is a ${table.engine}, must be a view`];
    return differs.has(name) ? [`${where} is a view of something else than this build says`] : [];
  });
}

async function formattedBy(client: ClickHouseClient, texts: readonly string[]): Promise<string[]> {
  return onWarehouse('comparing the views of ClickHouse', async () => {
    const result = await client.query({
      query: 'SELECT arrayMap(text -> formatQuerySingleLine(text), {texts:Array(String)}) AS texts',
      query_params: { texts },
      format: 'JSONEachRow',
    });
    const [row] = await result.json<{ texts: string[] }>();
    return row?.texts ?? [];
  });
}

function absent(target: DdlTarget, name: string): string {
  return `${target.database}.${name} is missing, or this user has no grant on it`;
}

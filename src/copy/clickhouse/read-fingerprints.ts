// Reads back what ClickHouse holds of some days, for comparison with Postgres. Versions are merged
// as the views do it, and the checksum is computed by the server over the same text per row as
// Postgres computes it.
import type { ClickHouseClient } from '@clickhouse/client';
import {
  type CopiedRollup,
  type DayFingerprint,
  type UtcDay,
  WEIGHT_MASK,
  weightOf,
} from '../../rollups/copied-rollup.js';
import { keyText } from './columns.js';
import { type DdlTarget, qualified } from './ddl.js';
import { onWarehouse } from './failure.js';
import { readSettings } from './replication.js';

/** Which copy is read. */
export interface CopyOfGeneration {
  readonly generation: number;
  readonly copy: bigint;
}

/**
 * Fingerprints by day; a day without rows is missing. Buckets in `except` (seconds since 1970) are
 * left out.
 */
export async function readWarehouseFingerprints(
  client: ClickHouseClient,
  target: DdlTarget,
  rollup: CopiedRollup,
  of: CopyOfGeneration,
  days: readonly UtcDay[],
  except: readonly number[] = [],
): Promise<ReadonlyMap<UtcDay, DayFingerprint>> {
  const rows = await onWarehouse(`reading back ${rollup.target}`, async () => {
    const result = await client.query({
      query: fingerprintQuery(target, rollup, except.length > 0),
      query_params: { generation: of.generation, copy: String(of.copy), days, except },
      format: 'JSONCompactEachRow',
      clickhouse_settings: readSettings,
    });
    return result.json<string[]>();
  });
  return new Map(rows.map((row) => [row[0] ?? '', fingerprintOf(rollup, row)]));
}

/** Days after `last` on which the copy has rows, ascending, and how many. */
export async function readDaysAfter(
  client: ClickHouseClient,
  target: DdlTarget,
  rollup: CopiedRollup,
  of: CopyOfGeneration,
  last: UtcDay,
): Promise<readonly { readonly day: UtcDay; readonly rows: string }[]> {
  return onWarehouse(`reading what ${rollup.target} has after ${last}`, async () => {
    const result = await client.query({
      query: `SELECT toString(toDate(bucket)) AS day, toString(count()) AS rows
FROM ${qualified(target, rollup.target)} FINAL
WHERE generation = {generation:UInt16} AND copy = {copy:UInt64} AND toDate(bucket) > {last:Date}
GROUP BY day ORDER BY day
SETTINGS do_not_merge_across_partitions_select_final = 1`,
      query_params: { generation: of.generation, copy: String(of.copy), last },
      format: 'JSONEachRow',
      clickhouse_settings: { select_sequential_consistency: '1' },
    });
    return result.json<{ day: UtcDay; rows: string }>();
  });
}

/** The statement text: one row per day. */
export function fingerprintQuery(
  target: DdlTarget,
  rollup: CopiedRollup,
  withExceptions: boolean,
): string {
  const sums = [...rollup.measures.map((measure) => measure.name), 'version'];
  const { counts, money } = weightOf(rollup);
  const mask = `bitAnd(toInt64(${counts}), ${WEIGHT_MASK})`;
  // With money the products are decimals, wide enough for every sum; without, they fit 64 bits and
  // their sum 128.
  const product =
    money.length === 0
      ? `toInt128(toInt64(key) * ${mask})`
      : `key * (${[`toDecimal256(${mask}, 9)`, ...money].join(' + ')})`;
  return `WITH CRC32(concatWithSeparator('|', ${rollup.keys.map(keyText).join(', ')})) AS key
SELECT
  toString(toDate(bucket)) AS day,
  toString(count()),
  ${sums.map((name) => `toString(sum(${name}))`).join(',\n  ')},
  toString(sum(${product}))
FROM ${qualified(target, rollup.target)} FINAL
WHERE generation = {generation:UInt16}
  AND copy = {copy:UInt64}
  AND toDate(bucket) IN {days:Array(Date)}${
    withExceptions ? '\n  AND toUnixTimestamp(bucket) NOT IN {except:Array(UInt32)}' : ''
  }
GROUP BY day
SETTINGS do_not_merge_across_partitions_select_final = 1`;
}

function fingerprintOf(rollup: CopiedRollup, row: readonly string[]): DayFingerprint {
  const [day = '', rows = '0', ...rest] = row;
  const sumCount = rollup.measures.length + 1;
  return { day, rows, sums: rest.slice(0, sumCount), checksum: rest[sumCount] ?? '0' };
}

/**
 * Reads back what ClickHouse holds of some days, for comparison with Postgres. Versions are merged as the views do
 * it, and the checksum is computed by the server over the same text per row as Postgres computes it.
 */
import type { ClickHouseClient } from '@clickhouse/client';
import {
  type CopiedRollup,
  type DayFingerprint,
  moneyMeasures,
  type UtcDay,
  WEIGHT_MASK,
  weightTerms,
} from '../../domain/copied-rollup.js';
import { keyText } from './columns.js';
import { type DdlTarget, qualified } from './ddl.js';
import { onWarehouse } from './failure.js';

/** Which copy is read. */
export interface CopyOfGeneration {
  readonly generation: number;
  readonly copy: bigint;
}

/** Fingerprints by day; a day without rows is missing. Buckets in `except` (seconds since 1970) are left out. */
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
      clickhouse_settings: { select_sequential_consistency: '1' }, // on a replica: with everything inserted
    });
    return result.json<string[]>();
  });
  return new Map(rows.map((row) => [row[0] ?? '', fingerprintOf(rollup, row)]));
}

/** The statement text: one row per day. */
export function fingerprintQuery(
  target: DdlTarget,
  rollup: CopiedRollup,
  withExceptions: boolean,
): string {
  const sums = [...rollup.measures.map((measure) => measure.name), 'version'];
  const money = moneyMeasures(rollup).map(
    ({ name }) => `toString(sum(key * toDecimal256(${name}, 9)))`,
  );
  const weight = `bitAnd(toInt64(${weightTerms(rollup).join(' + ')}), ${WEIGHT_MASK})`;
  return `WITH CRC32(concatWithSeparator('|', ${rollup.keys.map(keyText).join(', ')})) AS key
SELECT toString(toDate(bucket)) AS day, toString(count()), ${sums.map((name) => `toString(sum(${name}))`).join(', ')},
  ${[`toString(sum(toInt128(toInt64(key) * ${weight})))`, ...money].join(', ')}
FROM ${qualified(target, rollup.target)} FINAL
WHERE generation = {generation:UInt16} AND copy = {copy:UInt64} AND toDate(bucket) IN {days:Array(Date)}${
    withExceptions ? '\n  AND toUnixTimestamp(bucket) NOT IN {except:Array(UInt32)}' : ''
  }
GROUP BY day
SETTINGS do_not_merge_across_partitions_select_final = 1`;
}

function fingerprintOf(rollup: CopiedRollup, row: readonly string[]): DayFingerprint {
  const [day = '', rows = '0', ...rest] = row;
  const sumCount = rollup.measures.length + 1;
  return { day, rows, sums: rest.slice(0, sumCount), checksums: rest.slice(sumCount) };
}

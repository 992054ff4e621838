/**
 * Reads back what ClickHouse holds of some days, for comparison with Postgres. Versions are merged as the views do
 * it, and the checksum is computed by the server over the same text per row as Postgres computes it.
 */
import type { ClickHouseClient } from '@clickhouse/client';
import type { CopiedRollup, DayFingerprint, UtcDay } from '../../domain/copied-rollup.js';
import { checksumText } from './columns.js';
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
  return new Map(rows.map((row) => [row[0] ?? '', fingerprintOf(row)]));
}

/** The statement text: one row per day. */
export function fingerprintQuery(
  target: DdlTarget,
  rollup: CopiedRollup,
  withExceptions: boolean,
): string {
  const texts = [...rollup.keys, ...rollup.measures].map(checksumText);
  const sums = [...rollup.measures.map((measure) => measure.name), 'version'];
  const word = (from: number): string =>
    `toString(sum(reinterpretAsUInt32(reverse(substring(digest, ${from}, 4)))))`;
  return `WITH MD5(concatWithSeparator('|', ${[...texts, 'toString(version)'].join(', ')})) AS digest
SELECT toString(toDate(bucket)) AS day, toString(count()), ${sums.map((name) => `toString(sum(${name}))`).join(', ')},
  ${word(1)}, ${word(5)}
FROM ${qualified(target, rollup.target)} FINAL
WHERE generation = {generation:UInt16} AND copy = {copy:UInt64} AND toDate(bucket) IN {days:Array(Date)}${
    withExceptions ? '\n  AND toUnixTimestamp(bucket) NOT IN {except:Array(UInt32)}' : ''
  }
GROUP BY day
SETTINGS do_not_merge_across_partitions_select_final = 1`;
}

function fingerprintOf(row: readonly string[]): DayFingerprint {
  const [day = '', rows = '0', ...rest] = row;
  const checksum = rest.splice(-2);
  return { day, rows, sums: rest, checksum: [checksum[0] ?? '0', checksum[1] ?? '0'] };
}

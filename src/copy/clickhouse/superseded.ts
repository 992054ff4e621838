// Copies that no view reads any more: those of another generation or copy than the newest mark's.
// They go partition by partition, which is instant and rewrites nothing. Needs the owner's
// credential: the runner's has no such grant.
import type { ClickHouseClient } from '@clickhouse/client';
import { COPIED_ROLLUPS } from '../../rollups/copied-rollup.js';
import { type DdlTarget, onCluster, qualified } from './ddl.js';
import { onWarehouse } from './failure.js';
import { newestMark } from './marks.js';

/**
 * Drops every partition below the newest mark's copy; copies above it are still being filled.
 * Returns how many partitions went. Without a mark nothing is dropped.
 */
export async function dropSuperseded(client: ClickHouseClient, target: DdlTarget): Promise<number> {
  const mark = await newestMark(client, target);
  if (mark === undefined) return 0;
  let droppedCount = 0;
  for (const rollup of COPIED_ROLLUPS) {
    for (const { generation, copy, month } of await partitions(client, target, rollup.target)) {
      if (BigInt(copy) >= mark.copy) continue;
      await onWarehouse(`dropping copy ${copy} of ${rollup.target}`, () =>
        client.command({
          query: `ALTER TABLE ${qualified(target, rollup.target)}${onCluster(target)}
DROP PARTITION ({generation:UInt16}, {copy:UInt64}, {month:UInt32})`,
          query_params: { generation, copy, month },
        }),
      );
      droppedCount++;
    }
  }
  return droppedCount;
}

interface PartitionRow {
  readonly generation: number;
  readonly copy: string;
  readonly month: number;
}

async function partitions(
  client: ClickHouseClient,
  target: DdlTarget,
  table: string,
): Promise<readonly PartitionRow[]> {
  return onWarehouse(`listing the partitions of ${table}`, async () => {
    const result = await client.query({
      query: `SELECT DISTINCT generation, toString(copy) AS copy, toYYYYMM(bucket) AS month
FROM ${qualified(target, table)}
ORDER BY generation, ${table}.copy, month`,
      format: 'JSONEachRow',
    });
    return result.json<PartitionRow>();
  });
}

// Marks: which copy is complete and as of when. Views read the copy of the mark with the greatest
// epoch; a runner that lost its fence writes a mark of a lower epoch, which is never read.
import type { ClickHouseClient } from '@clickhouse/client';
import { COPIED_ROLLUPS, type CopiedRollup } from '../../rollups/copied-rollup.js';
import { type DdlTarget, qualified } from './ddl.js';
import { onWarehouse } from './failure.js';
import { insertSettings, readSettings } from './replication.js';

/** One finished run, as ClickHouse knows it. */
export interface Mark {
  readonly generation: number;
  readonly copy: bigint;
  readonly epoch: bigint;
  readonly runId: string;
  readonly snapshot: string;
  /** `YYYY-MM-DD HH:MM:SS.ffffff` in UTC; null before the first look at the stream. */
  readonly dataAsOf: string | null;
  readonly settlingSeconds: number;
  readonly revision: string;
}

/** The mark that views follow, or undefined where nothing was ever completed. */
export async function newestMark(
  client: ClickHouseClient,
  target: DdlTarget,
): Promise<Mark | undefined> {
  const [row] = await onWarehouse('reading the newest mark', async () => {
    const result = await client.query({
      query: `SELECT generation, toString(copy) AS copy, toString(epoch) AS epoch, run_id, snapshot,
  toString(data_as_of) AS data_as_of, settling_seconds, revision
FROM ${qualified(target, 'copy_mark')} ORDER BY copy_mark.epoch DESC LIMIT 1`,
      format: 'JSONEachRow',
      clickhouse_settings: readSettings,
    });
    return result.json<MarkRow>();
  });
  return (
    row && {
      generation: row.generation,
      copy: BigInt(row.copy),
      epoch: BigInt(row.epoch),
      runId: row.run_id,
      snapshot: row.snapshot,
      dataAsOf: row.data_as_of,
      settlingSeconds: row.settling_seconds,
      revision: row.revision,
    }
  );
}

interface MarkRow {
  generation: number;
  copy: string;
  epoch: string;
  run_id: string;
  snapshot: string;
  data_as_of: string | null;
  settling_seconds: number;
  revision: string;
}

/** Marks the copy as complete: from here on views read it. */
export async function writeMark(
  client: ClickHouseClient,
  target: DdlTarget,
  mark: Mark,
): Promise<void> {
  await onWarehouse(`marking copy ${mark.copy} of generation ${mark.generation}`, () =>
    client.insert({
      table: `${target.database}.copy_mark`,
      values: [
        {
          generation: mark.generation,
          copy: String(mark.copy),
          epoch: String(mark.epoch),
          run_id: mark.runId,
          snapshot: mark.snapshot,
          data_as_of: mark.dataAsOf,
          settling_seconds: mark.settlingSeconds,
          revision: mark.revision,
        },
      ],
      format: 'JSONEachRow',
      clickhouse_settings: insertSettings(target),
    }),
  );
}

/** True when the table has a row of the marked copy. */
export async function hasRowsOf(
  client: ClickHouseClient,
  target: DdlTarget,
  rollup: CopiedRollup,
  { generation, copy }: Mark,
): Promise<boolean> {
  const rows = await onWarehouse(`looking for rows in ${rollup.target}`, async () => {
    const result = await client.query({
      query: `SELECT 1 FROM ${qualified(target, rollup.target)}
WHERE generation = {generation:UInt16} AND copy = {copy:UInt64} LIMIT 1`,
      query_params: { generation, copy: String(copy) },
      format: 'JSONCompactEachRow',
      clickhouse_settings: { select_sequential_consistency: '1' },
    });
    return result.json<number[]>();
  });
  return rows.length > 0;
}

/** The greatest number that any copy in ClickHouse has, marked or not; 0 where there is none. */
export async function greatestCopy(client: ClickHouseClient, target: DdlTarget): Promise<bigint> {
  const tables = COPIED_ROLLUPS.map(
    (rollup) => `SELECT max(copy) AS copy FROM ${qualified(target, rollup.target)}`,
  );
  const [row] = await onWarehouse('reading the numbers of the copies', async () => {
    const result = await client.query({
      query: `SELECT toString(max(copy)) AS greatest FROM (${tables.join(' UNION ALL ')})`,
      format: 'JSONEachRow',
      clickhouse_settings: readSettings,
    });
    return result.json<{ greatest: string }>();
  });
  return BigInt(row?.greatest ?? '0');
}

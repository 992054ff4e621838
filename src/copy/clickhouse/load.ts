// Puts one chunk of rows into a copied table. The chunk is one block, sent with a token that
// carries its content, so that a repeated request of an uncertain insert is recognised; what slips
// through nevertheless is merged away by the row's version.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { pause } from '../../platform/clock.js';
import type { CopiedRollup } from '../../rollups/copied-rollup.js';
import { tableColumns } from './columns.js';
import type { DdlTarget } from './ddl.js';
import { onWarehouse, WarehouseFailure } from './failure.js';
import { insertSettings } from './replication.js';

/** Rows as tab-separated text, whole lines only. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly rowCount: number;
}

const pausesBeforeRetryMs = [250, 1_000, 4_000];

/**
 * Inserts the chunk; an unavailable server is tried again three times within some 5 seconds, with
 * the same token. `scope` tells attempts apart that must not be taken for each other: a re-sent day
 * is not the first sending.
 * @throws WarehouseFailure
 */
export async function loadChunk(
  client: ClickHouseClient,
  target: DdlTarget,
  rollup: CopiedRollup,
  chunk: Chunk,
  scope: string,
): Promise<void> {
  const token = deduplicationToken(rollup, chunk, scope);
  for (let attempt = 0; ; attempt++) {
    try {
      return await onWarehouse(`loading ${chunk.rowCount} rows into ${rollup.target}`, () =>
        insert(client, target, rollup, chunk, token),
      );
    } catch (error) {
      const pauseMs = pausesBeforeRetryMs[attempt];
      const canPass = error instanceof WarehouseFailure && error.kind === 'unavailable';
      if (!canPass || pauseMs === undefined) throw error;
      await pause(pauseMs);
    }
  }
}

/** The same token with other rows would be dropped silently: so it carries a digest of the rows. */
export function deduplicationToken(rollup: CopiedRollup, chunk: Chunk, scope: string): string {
  return `${scope}/${rollup.target}/${createHash('sha256').update(chunk.bytes).digest('hex')}`;
}

async function insert(
  client: ClickHouseClient,
  target: DdlTarget,
  rollup: CopiedRollup,
  chunk: Chunk,
  token: string,
): Promise<void> {
  await client.insert({
    table: `${target.database}.${rollup.target}`,
    columns: columnNames(rollup),
    values: Readable.from([chunk.bytes], { objectMode: false }),
    format: 'TabSeparated',
    clickhouse_settings: {
      ...insertSettings(target),
      insert_deduplication_token: token,
      max_insert_block_size: String(Math.max(chunk.rowCount, 1_048_449)), // one chunk, one block
    },
  });
}

function columnNames(rollup: CopiedRollup): [string, ...string[]] {
  return tableColumns(rollup).map((column) => column.name) as [string, ...string[]];
}

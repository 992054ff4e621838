// From Postgres to ClickHouse, chunk by chunk: extraction runs ahead by a bounded number of chunks
// while those before are being inserted. Memory depends on the chunk, not on how much is copied.
import type { ClickHouseClient } from '@clickhouse/client';
import type { ClientBase } from 'pg';
import type { CopiedRollup } from '../rollups/copied-rollup.js';
import type { DdlTarget } from './clickhouse/ddl.js';
import { type Chunk, loadChunk } from './clickhouse/load.js';
import { insertsAtOnce } from './clickhouse/replication.js';
import { type DaySlice, extractRows, type RowLabel } from './postgres/extract-rows.js';

/** Some 50,000 to 70,000 rows: large enough for ClickHouse's liking, small enough to hold a few. */
export const defaultChunkBytes = 4 * 1024 * 1024;

/** Where rows come from and go to. */
export interface CopyRoute {
  /** Inside the transaction of the run's snapshot. */
  readonly postgres: ClientBase;
  readonly clickhouse: ClickHouseClient;
  readonly target: DdlTarget;
  readonly chunkBytes: number;
}

/** How much went over. */
export interface CopiedAmount {
  readonly rowCount: number;
  readonly byteCount: number;
}

/**
 * Copies the rows of the slices. `scope` makes the deduplication tokens of this sending its own.
 * `onChunk` is called after each chunk that ClickHouse has acknowledged, `onSlice` as a slice
 * begins to be read.
 */
export async function copyRows(
  route: CopyRoute,
  rollup: CopiedRollup,
  label: RowLabel,
  slices: readonly DaySlice[],
  scope: string,
  onChunk: (amount: CopiedAmount) => void | Promise<void> = () => {},
  onSlice: () => void = () => {},
): Promise<CopiedAmount> {
  let rowCount = 0;
  let byteCount = 0;
  const chunks = joined(route, rollup, label, slices, onSlice);
  await shareOut(chunks, insertsAtOnce(route.target), async (chunk) => {
    await loadChunk(route.clickhouse, route.target, rollup, chunk, scope);
    rowCount += chunk.rowCount;
    byteCount += chunk.bytes.length;
    await onChunk({ rowCount: chunk.rowCount, byteCount: chunk.bytes.length });
  });
  return { rowCount, byteCount };
}

/**
 * Gives every chunk to `work`, some at once. Rejects with the first failure, after what was begun
 * has ended.
 */
async function shareOut(
  chunks: AsyncGenerator<Chunk>,
  chunksAtOnce: number,
  work: (chunk: Chunk) => Promise<void>,
): Promise<void> {
  let failed = false;
  const worker = async (): Promise<void> => {
    while (!failed) {
      const next = await chunks.next();
      if (next.done) return;
      await work(next.value);
    }
  };
  const guarded = async (): Promise<void> => {
    try {
      await worker();
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: chunksAtOnce }, guarded));
  await chunks.return(undefined);
  const rejected = ended.find((one) => one.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}

/** Chunks across slices: many days with few rows each become one insert. */
async function* joined(
  route: CopyRoute,
  rollup: CopiedRollup,
  label: RowLabel,
  slices: readonly DaySlice[],
  onSlice: () => void,
): AsyncGenerator<Chunk> {
  let held: Buffer[] = [];
  let bytes = 0;
  let rowCount = 0;
  const take = (): Chunk => {
    const chunk = {
      bytes: held.length === 1 && held[0] ? held[0] : Buffer.concat(held, bytes),
      rowCount,
    };
    held = [];
    bytes = 0;
    rowCount = 0;
    return chunk;
  };
  for (const slice of slices) {
    onSlice();
    for await (const lines of extractRows(route.postgres, rollup, label, slice, route.chunkBytes)) {
      held.push(lines.bytes);
      bytes += lines.bytes.length;
      rowCount += lines.rowCount;
      if (bytes >= route.chunkBytes) yield take();
    }
  }
  if (rowCount > 0) yield take();
}

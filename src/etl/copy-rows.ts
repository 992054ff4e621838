/**
 * From Postgres to ClickHouse, chunk by chunk: extraction runs ahead by a bounded number of chunks while the one
 * before is being inserted. Memory depends on the chunk, not on how much is copied.
 */
import type { ClickHouseClient } from '@clickhouse/client';
import type { ClientBase } from 'pg';
import type { CopiedRollup } from '../domain/copied-rollup.js';
import { type DaySlice, extractRows, type RowLabel } from '../store/postgres/extract-rows.js';
import type { DdlTarget } from '../warehouse/clickhouse/ddl.js';
import { type Chunk, loadChunk } from '../warehouse/clickhouse/load.js';

/** About 100,000 rows: large enough for ClickHouse's liking, small enough to hold a few. */
export const defaultChunkBytes = 8 * 1024 * 1024;

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
 * Copies the rows of the slices, in their order. `scope` makes the deduplication tokens of this sending its own.
 * `onChunk` is called after each chunk that ClickHouse has acknowledged, `onSlice` as a slice begins to be read.
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
  for await (const chunk of readAhead(joined(route, rollup, label, slices, onSlice))) {
    await loadChunk(route.clickhouse, route.target, rollup, chunk, scope);
    rowCount += chunk.rowCount;
    byteCount += chunk.bytes.length;
    await onChunk({ rowCount: chunk.rowCount, byteCount: chunk.bytes.length });
  }
  return { rowCount, byteCount };
}

/** The same chunks; the next one is being read while the consumer is at work on the one before. */
async function* readAhead(chunks: AsyncGenerator<Chunk>): AsyncGenerator<Chunk> {
  let next = chunks.next();
  try {
    for (let result = await next; !result.done; result = await next) {
      next = chunks.next();
      next.catch(() => {}); // seen at the await above, unless the consumer gave up before
      yield result.value;
    }
  } finally {
    await next.catch(() => {});
    await chunks.return(undefined);
  }
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

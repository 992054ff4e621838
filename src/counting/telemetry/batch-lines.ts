// The ordinary line of ingest: what was committed. One per batch, at most one a second: a backlog
// of millions must not become a backlog of lines, so where batches are many their sums are said
// together.
import type { DurableState } from '../../nats/durable-state.js';
import type { Envelope } from '../../nats/envelope.js';
import type { Log } from '../../platform/log.js';
import { parseTraceparent } from '../../platform/trace-context.js';
import type { Committed } from '../commit.js';

const INTERVAL_MS = 1_000;

const NOTHING = {
  count: 0,
  batchSize: 0,
  deadLetters: 0,
  duplicates: 0,
  redelivered: 0,
  durationMs: 0,
};

/**
 * Says `batch committed` with the sums since its last line; `count` is how many batches they are
 * of.
 */
export class BatchLines {
  #sums = NOTHING;
  #traceparent: string | undefined;
  #waitingCount: number | undefined;
  #saidMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: { log: Log; monotonicMs: () => number }) {}

  /**
   * A batch was committed: says so at once, or within a second where a line has just been written.
   */
  note(envelopes: readonly Envelope[], committed: Committed, durationMs: number): void {
    const { decided, unstorableCount, conflictCount, duplicateCount } = committed;
    const { count, batchSize, deadLetters, duplicates, redelivered } = this.#sums;
    const refusedCount = decided.deadLetters.length + unstorableCount + conflictCount;
    this.#sums = {
      count: count + 1,
      batchSize: batchSize + envelopes.length,
      deadLetters: deadLetters + refusedCount,
      duplicates: duplicates + duplicateCount,
      redelivered: envelopes.reduce((sum, one) => sum + (one.redelivered ? 1 : 0), redelivered),
      durationMs: this.#sums.durationMs + durationMs,
    };
    this.#traceparent = envelopes[0]?.traceparent;
    const waitMs = this.#saidMs + INTERVAL_MS - this.options.monotonicMs();
    if (waitMs <= 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), waitMs);
  }

  /** What waits in the stream, as last seen. */
  noteDurable({ pendingCount }: DurableState): void {
    this.#waitingCount = pendingCount;
  }

  /** Writes the line that still waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const sums = this.#sums;
    if (sums.count === 0) return;
    // A line of many events belongs to no trace.
    const traceparent = sums.batchSize === 1 ? this.#traceparent : undefined;
    const lag = this.#waitingCount;
    const durationMs = Math.round(sums.durationMs * 1_000) / 1_000;
    const traceId = parseTraceparent(traceparent)?.traceId;
    this.options.log.info('batch committed', { ...sums, durationMs, lag, traceId });
    this.#sums = NOTHING;
    this.#saidMs = this.options.monotonicMs();
  }
}

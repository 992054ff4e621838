// The main job: pull, count, commit, acknowledge. The next batch is pulled, judged and encoded
// while this one commits, and never more than one ahead, so that memory is bounded and a database
// that is away stops the pulling by itself. A crash anywhere only means that the broker delivers
// again.
import type { Envelope } from '../nats/envelope.js';
import { pause } from '../platform/clock.js';
import type { Log } from '../platform/log.js';
import { inBatchSpan } from './batch-span.js';
import { CommitAbandoned, type Committed, type Prepared } from './commit.js';

export interface LoopOptions {
  readonly pull: () => Promise<Envelope[]>;
  /**
   * The stream that is counted from, as known before a pull: what the pull brings may be of no
   * other.
   */
  readonly streamId: () => number;
  readonly prepare: (envelopes: readonly Envelope[], streamId: number) => Prepared;
  readonly commit: (prepared: Prepared) => Promise<Committed>;
  readonly acknowledge: (envelopes: readonly Envelope[]) => void;
  /**
   * Waits while the guard forbids counting; then false, as what was pulled before may be of another
   * stream.
   */
  readonly mayContinue: () => Promise<boolean>;
  readonly observe: (
    envelopes: readonly Envelope[],
    committed: Committed,
    durationMs: number,
  ) => void;
  readonly monotonicMs: () => number;
  readonly stopping: AbortSignal;
  readonly log: Log;
}

const RETRY_PULL_MS = 500;

/**
 * Runs until stopping; what was pulled by then is finished and acknowledged first. Rejects with
 * what no retry cures.
 */
export async function runLoop(options: LoopOptions): Promise<void> {
  let committing: Promise<unknown> = Promise.resolve();
  for (let last = false; !last; ) {
    // What is pulled while the guard forbids counting would come again only after ack_wait.
    await options.mayContinue();
    last = options.stopping.aborted;
    const streamId = options.streamId();
    const envelopes = last ? [] : await pullPatiently(options);
    const prepared = envelopes.length > 0 ? options.prepare(envelopes, streamId) : undefined;
    await committing;
    if (prepared === undefined || !(await options.mayContinue())) continue;
    committing = settle(options, prepared);
    committing.catch(() => {});
  }
  await committing;
}

async function settle(options: LoopOptions, prepared: Prepared): Promise<void> {
  const startedMs = options.monotonicMs();
  try {
    const committed = await inBatchSpan(prepared.envelopes, async () => {
      const durable = await options.commit(prepared);
      // Acks name sequences: another stream, adopted since the commit, would take them for events
      // of its own.
      if (prepared.streamId === options.streamId()) options.acknowledge(prepared.envelopes);
      return durable;
    });
    options.observe(prepared.envelopes, committed, options.monotonicMs() - startedMs);
  } catch (error) {
    if (!(error instanceof CommitAbandoned)) throw error;
  }
}

/**
 * Pulls; a broker that is away, or without the durable (the guard says so), gives no envelopes
 * after a pause.
 */
async function pullPatiently(options: LoopOptions): Promise<Envelope[]> {
  try {
    return await options.pull();
  } catch (error) {
    options.log.warn('pull failed', { error });
    await pause(RETRY_PULL_MS, options.stopping);
    return [];
  }
}

// The main job: pull, count, commit, acknowledge. The next batch is pulled, judged and encoded
// while this one commits, and never more than one ahead, so that memory is bounded and a database
// that is away stops the pulling by itself. A crash anywhere only means that the broker delivers
// again. DESIGN.md of this folder follows one event through it.
import type { NatsConnection } from 'nats';
import { acknowledge, type Envelope } from '../nats/envelope.js';
import { pause } from '../platform/clock.js';
import { inBatchSpan } from './batch-span.js';
import { type CommitOptions, type Committed, commit, type Prepared, prepare } from './commit.js';
import { CommitAbandoned } from './commit-abandoned.js';
import type { Watch } from './guard/watch.js';

export interface LoopOptions extends CommitOptions {
  readonly pull: () => Promise<Envelope[]>;
  readonly guard: CommitOptions['guard'] & Pick<Watch, 'streamId' | 'mayContinue'>;
  /** Where acknowledgements go. */
  readonly connection: Pick<NatsConnection, 'publish'>;
  readonly observe: (
    envelopes: readonly Envelope[],
    committed: Committed,
    durationMs: number,
  ) => void;
  readonly monotonicMs: () => number;
}

const RETRY_PULL_MS = 500;

/**
 * Runs until stopping; what was pulled by then is finished and acknowledged first. Rejects with
 * what no retry cures.
 */
export async function runLoop(options: LoopOptions): Promise<void> {
  const { guard, stopping } = options;
  let committing: Promise<unknown> = Promise.resolve();
  for (let last = false; !last; ) {
    // A batch pulled while the guard forbids counting would come again only after ack_wait.
    await guard.mayContinue();
    last = stopping.aborted;
    // As known before the pull: the batch is committed under this stream, or not at all.
    const { streamId } = guard;
    const envelopes = last ? [] : await pullPatiently(options);
    const prepared = envelopes.length > 0 ? prepare(options, envelopes, streamId) : undefined;
    await committing;
    // After a wait, what was pulled before it may be of another stream: it is dropped here.
    if (prepared === undefined || !(await guard.mayContinue())) continue;
    committing = settle(options, prepared);
    committing.catch(() => {});
  }
  await committing;
}

async function settle(options: LoopOptions, prepared: Prepared): Promise<void> {
  const { guard, connection, monotonicMs } = options;
  const { envelopes, streamId } = prepared;
  const startedMs = monotonicMs();
  try {
    const committed = await inBatchSpan(envelopes, async () => {
      const durable = await commit(options, prepared);
      // Acks name sequences: another stream, adopted since the commit, would take them for events
      // of its own.
      if (streamId === guard.streamId) acknowledge(connection, envelopes);
      return durable;
    });
    options.observe(envelopes, committed, monotonicMs() - startedMs);
  } catch (error) {
    if (!(error instanceof CommitAbandoned)) throw error;
  }
}

/**
 * Pulls; a broker that is away, or without the durable (the guard says so), gives no envelopes
 * after a pause.
 */
async function pullPatiently({ pull, log, stopping }: LoopOptions): Promise<Envelope[]> {
  try {
    return await pull();
  } catch (error) {
    log.warn('pull failed', { error });
    await pause(RETRY_PULL_MS, stopping);
    return [];
  }
}

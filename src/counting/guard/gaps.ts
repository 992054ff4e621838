// Notices events that left the stream before they were counted: purged, expired, pushed out by a
// limit, or deleted. Counting continues; only the watermark waits until the gap is accepted. A gap
// is reported at the second look that finds it, as a batch pulled before may still commit.
import type { JetStreamManager } from 'nats';
import type { Pool } from 'pg';
import {
  type DurableState,
  deletedSequences,
  firstMessageFrom,
  publishedAt,
  type StreamState,
} from '../../nats/durable-state.js';
import { STREAM } from '../../nats/topology.js';
import type { Log } from '../../platform/log.js';
import type { Queryable } from '../../postgres/queryable.js';
import {
  type AccountKey,
  beginAccount,
  findUnaccounted,
  multirangeOf,
  NONE,
  type PublishedAround,
  recordGap,
  settleAccount,
} from './stream-gaps.js';

export interface GapsOptions {
  readonly manager: JetStreamManager;
  readonly pool: Pool;
  readonly generation: number;
  readonly worker: string;
  readonly log: Log;
  /** Gets, at each look, how many events open gaps miss. */
  readonly observeGaps: (missingCount: number) => void;
}

/** The account of one generation, as one process keeps it. */
export class Gaps {
  #begun = 0;
  /** What the last look found gone and did not record yet. */
  #gone = NONE;
  #missingCount = 0;

  constructor(private readonly options: GapsOptions) {}

  /** Begins the account of a stream, before anything of it is committed. Repeatable. */
  async begin(queryable: Queryable, streamId: number, stream: StreamState): Promise<void> {
    if (this.#begun === streamId) return;
    const gone = await this.#deleted();
    await beginAccount(queryable, this.#key(streamId), stream.firstSequence, gone);
    this.#begun = streamId;
  }

  /** True where nothing is missing: only then may this look's `dataAsOf` be recorded. */
  async examine(streamId: number, stream: StreamState, durable: DurableState): Promise<boolean> {
    const { pool, worker, log, observeGaps } = this.options;
    const key = this.#key(streamId);
    const { firstSequence } = stream;
    const seen = { through: examinedThrough(stream, durable), firstSequence, before: this.#gone };
    let found = await findUnaccounted(pool, key, { ...seen, deleted: NONE });
    if (found.maybeInMiddle) {
      found = await findUnaccounted(pool, key, { ...seen, deleted: await this.#deleted() });
    }
    const { gone, goneStill } = found;
    this.#gone = gone;
    if (goneStill !== NONE) {
      await recordGap(pool, key, goneStill, await this.#publishedAround(goneStill));
      log.error('events left the stream before they were counted', {
        reason: `sequences ${goneStill}. Run: ops gaps list`,
      });
    }
    const missingCount = await settleAccount(pool, key, worker);
    if (missingCount === 0 && this.#missingCount > 0) log.info('no gap is open any more');
    this.#missingCount = missingCount;
    observeGaps(missingCount);
    return gone === NONE && missingCount === 0;
  }

  #key(streamId: number): AccountKey {
    return { generation: this.options.generation, streamId };
  }

  async #deleted(): Promise<string> {
    return multirangeOf(await deletedSequences(this.options.manager, STREAM));
  }

  async #publishedAround(sequences: string): Promise<PublishedAround> {
    const { manager } = this.options;
    const bounds = (sequences.match(/\d+/g) ?? []).map(Number);
    // Postgres writes ranges of integers half-open.
    const [first = 1, end = 1] = [bounds[0], bounds.at(-1)];
    const after = await publishedAt(manager, STREAM, first - 1);
    const next = await firstMessageFrom(manager, STREAM, end);
    return { after, before: next?.publishedAt };
  }
}

/**
 * Up to here every event is acknowledged, or not in the stream. The stream was read before the
 * durable, so that an idle durable has settled all that the stream held then.
 */
export function examinedThrough(stream: StreamState, durable: DurableState): number {
  const idle = durable.pendingCount === 0 && durable.unacknowledgedCount === 0;
  const through = idle ? stream.lastSequence : (durable.nextSequence ?? durable.ackFloor + 1) - 1;
  return Math.max(through, stream.firstSequence - 1);
}

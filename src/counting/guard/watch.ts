// Looks once a second. Is the stream still the one that is counted (guard.ts)? How far has counting
// come (data_as_of)? Is the generation still wanted? Are the ledger's days made?
import type { JetStreamManager } from 'nats';
import type { Pool } from 'pg';
import type { EpochDay } from '../../domain/time/instant.js';
import { isMissing } from '../../nats/api-errors.js';
import type { DurableState } from '../../nats/durable-state.js';
import { STREAM } from '../../nats/topology.js';
import { pause } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';
import type { Queryable } from '../../postgres/queryable.js';
import { CommitAbandoned } from '../commit-abandoned.js';
import { LedgerDays } from '../days/ledger-days.js';
import { earliestMissingDayLetter } from '../days/missing-days.js';
import { type Found, gatherEvidence } from './evidence.js';
import { Gaps } from './gaps.js';
import { contradiction, MISSING } from './guard.js';
import {
  type Generation,
  type KnownStream,
  readGeneration,
  readKnownStream,
  recordStream,
  recordWatermark,
} from './ingest-progress.js';

export interface WatchOptions {
  readonly manager: JetStreamManager;
  readonly pool: Pool;
  readonly generation: Generation;
  readonly worker: string;
  readonly stopping: AbortSignal;
  readonly log: Log;
  readonly monotonicMs: () => number;
  /** The generation was retired: the process has nothing left to do. */
  readonly onRetired: () => void;
  /** Called at each look, even when Postgres cannot be written: the metrics must show that. */
  readonly observe: (durable: DurableState) => void;
  /** Gets how many events left the stream before they were counted. */
  readonly observeGaps: (missingCount: number) => void;
  /** Called at the end of each look that may count. */
  readonly announceProgress: (streamId: number) => Promise<void>;
}

const INTERVAL_MS = 1_000;
/**
 * What was seen holds for so long: a process that was stopped, or cut off, looks again before it
 * commits.
 */
const TRUST_MS = 3 * INTERVAL_MS;

/**
 * What an ingest process knows of its stream, and whether it may count. `#examine` moves it, each
 * second and for a batch. An examination that fails, as Postgres or NATS is away, changes nothing.
 *
 * - UNKNOWN: `streamId` is 0. Each process begins here, and its batches wait. The first examination
 *   finds the stream that Postgres knows, or the first look records it: then it is COUNTING. Where
 *   the two sides contradict each other, it is FORBIDDEN.
 * - COUNTING: `forbidden` is undefined. Batches of `streamId` are applied, watermarks recorded. An
 *   examination that finds a contradiction, or no stream or durable, leads to FORBIDDEN.
 * - FORBIDDEN: `forbidden` says why. Nothing is pulled, a batch in hand is abandoned, no watermark
 *   is recorded. The first examination without a contradiction leads back to COUNTING, perhaps of
 *   another stream: an operator ran the command that the reason names.
 * - Retired: the generation is no longer wanted. `onRetired` ends the process.
 *
 * While COUNTING, a connection to Postgres is trusted once an examination went through it: behind a
 * new connection may stand a server that was restored to an older state. Trust in all connections
 * ends three seconds after the last examination, and when NATS reconnects. `trust` then examines
 * again before a batch is applied.
 */
export class Watch {
  #forbidden: string | undefined;
  #streamId = 0;
  #ledgerFloor: EpochDay;
  /** What was known when all was well. */
  #last: KnownStream | undefined;
  readonly #trusted = new WeakSet<Queryable>();
  #examinedMs = -Infinity;
  #reconnects = 0;
  readonly #gaps: Gaps;
  readonly #days: LedgerDays;

  constructor(private readonly options: WatchOptions) {
    this.#ledgerFloor = options.generation.ledgerFloor;
    const { generation } = options.generation;
    this.#gaps = new Gaps({ ...options, generation });
    this.#days = new LedgerDays({ ...options, generation });
  }

  /** Why counting must stop; undefined while it may go on. */
  get forbidden(): string | undefined {
    return this.#forbidden;
  }

  get streamId(): number {
    return this.#streamId;
  }

  get ledgerFloor(): EpochDay {
    return this.#ledgerFloor;
  }

  /** Days of the ledger whose events are refused; another set whenever other days are missing. */
  get missingDays(): ReadonlySet<EpochDay> {
    return this.#days.missing;
  }

  /**
   * Looks at the ledger's days and floor now, instead of within a second; returns how many days
   * were made.
   */
  async lookAtDays(): Promise<number> {
    await this.#readGeneration();
    return this.#days.make();
  }

  /** True at once where counting may go on; false after having waited for it, or for the end. */
  async mayContinue(): Promise<boolean> {
    if (this.#forbidden === undefined) return true;
    while (this.#forbidden !== undefined && !this.options.stopping.aborted) {
      await pause(INTERVAL_MS, this.options.stopping);
    }
    return false;
  }

  /** Looks every second until stopping; failures are logged and leave the last state. */
  async run(): Promise<void> {
    while (!this.options.stopping.aborted) {
      await pause(INTERVAL_MS, this.options.stopping);
      await this.look().catch((error: unknown) => this.options.log.warn('look failed', { error }));
    }
  }

  /** One look. Rejects where Postgres or NATS is away. */
  async look(): Promise<void> {
    const { pool, generation, worker } = this.options;
    const counting = await this.#examineAndObserve().finally(() => this.#days.keep());
    if (counting === undefined) return;
    const { stream, durable, after } = counting;
    if (after === undefined) {
      this.#streamId = await recordStream(pool, STREAM, stream.createdAt);
      await this.#gaps.begin(pool, this.#streamId, stream);
    }
    const whole = await this.#gaps.examine(this.#streamId, stream, durable);
    const key = { generation: generation.generation, streamId: this.#streamId, worker };
    // The stream was read before the durable: what came and went between them is seen by the next
    // look.
    const dataAsOf = Math.min(durable.dataAsOf, stream.lookedAt ?? durable.dataAsOf);
    // Asked after the look: what it takes for settled is refused by now, if it was refused.
    const refusedAt = (await earliestMissingDayLetter(pool)) ?? Infinity;
    await recordWatermark(pool, key, whole ? Math.min(dataAsOf, refusedAt) : undefined);
    await this.options.announceProgress(this.#streamId);
    await this.#readGeneration();
  }

  async #examineAndObserve(): Promise<Found | undefined> {
    const found = await this.#examine(this.options.pool);
    if (found === undefined || this.#forbidden !== undefined) return undefined;
    this.options.observe(found.durable);
    return found;
  }

  /**
   * Resolves where counting what was pulled from `streamId` may go on through this connection of
   * Postgres: a server that was restored is always behind a new one, and a batch committed before
   * it is noticed would hide what is lost. Rejects with CommitAbandoned where the guard forbids it
   * or another stream is counted now, whose sequences name other events; else with what a retry
   * cures.
   */
  async trust(connection: Queryable, streamId: number): Promise<void> {
    const seen = this.options.monotonicMs() - this.#examinedMs < TRUST_MS;
    if (!seen || !this.#trusted.has(connection)) {
      const found = await this.#examine(connection);
      if (found === undefined && this.#forbidden === undefined) throw new Error('look again');
    }
    // Before the first look no stream is known that a batch could be of.
    if (this.#streamId === 0) throw new Error('look again');
    if (this.#forbidden !== undefined) throw new CommitAbandoned(this.#forbidden);
    if (streamId !== this.#streamId) throw new CommitAbandoned('another stream is counted now');
    this.#trusted.add(connection);
  }

  /** The server of the stream was away: it may have come back with another store. */
  distrust(): void {
    this.#examinedMs = -Infinity;
    this.#reconnects += 1;
  }

  /**
   * Asks both sides and judges. Undefined where that must be done again, or something is missing.
   */
  async #examine(queryable: Queryable): Promise<Found | undefined> {
    const { manager, generation } = this.options;
    const beganMs = this.options.monotonicMs();
    const reconnects = this.#reconnects;
    // Not what another examination finds meanwhile: that may be more than is known here.
    const last = this.#last;
    const before = await readKnownStream(queryable, generation.generation);
    try {
      const found = await gatherEvidence(manager, queryable, generation, before);
      if (found === undefined) return undefined;
      this.#judge(contradiction({ ...found, last }));
      if (this.#forbidden === undefined) {
        const { stream, after } = found;
        if (after !== undefined) await this.#gaps.begin(queryable, after.streamId, stream);
        this.#last = after;
        this.#streamId = after?.streamId ?? this.#streamId;
        // What was read in part from the server before says nothing of the one that is there now.
        if (reconnects === this.#reconnects) this.#examinedMs = beganMs;
      }
      return found;
    } catch (error) {
      if (before === undefined || !isMissing(error)) throw error;
      // A retired generation has no durable: there is nothing left to count, and nothing to put
      // right.
      if (!(await this.#readGeneration())) return undefined;
      this.#judge(MISSING);
      return undefined;
    }
  }

  #judge(forbidden: string | undefined): void {
    if (forbidden === this.#forbidden) return;
    this.#forbidden = forbidden;
    const { log } = this.options;
    if (forbidden === undefined) log.info('counting goes on');
    else log.error('counting stopped', { reason: forbidden });
  }

  /** False where the generation is retired; the process then ends. */
  async #readGeneration(): Promise<boolean> {
    const { pool, generation, onRetired } = this.options;
    const now = await readGeneration(pool, generation.generation);
    const wanted = now !== undefined && now.state !== 'retired';
    if (wanted) this.#ledgerFloor = now.ledgerFloor;
    else onRetired();
    return wanted;
  }
}

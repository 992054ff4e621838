// @sms-analytics/publisher: how a billing or DLR service hands over its events and loses none,
// whatever becomes of its process, the bus or the analytics. An event is judged, written to the
// spool, published, and kept until it need not be published again.

import {
  type AdmissionRules,
  DEFAULT_ADMISSION_RULES,
  type EventKind,
} from '../../domain/message/admission.js';
import type { DeadLetterReason } from '../../domain/message/dead-letter.js';
import type { Digest, JudgedProgress } from '../../nats/announcements.js';
import { withDigest } from '../spool/digest.js';
import { Spool } from '../spool/spool.js';
import { faultOf } from '../spool/spool-fault.js';
import { type Heard, Hearing } from './announcements.js';
import { Bus } from './bus.js';
import type { DeliveryReported, MessageCharged, MessageRefunded } from './event-types.js';
import { judge } from './judge.js';
import {
  accessOf,
  checkOptions,
  KINDS_OF_SOURCE,
  type PublisherOptions,
  type PublisherState,
  type Queueing,
  tell,
} from './publisher-options.js';
import { Pump } from './pump.js';

export { SpoolFault } from '../spool/spool-fault.js';
export type { DeliveryReported, MessageCharged, MessageRefunded } from './event-types.js';
export type { Violation } from './judge.js';
export type {
  PublisherOptions,
  PublisherState,
  PublisherTrouble,
  Queueing,
} from './publisher-options.js';

const DEFAULT_SPOOL_BYTES = 1024 * 1024 * 1024;
const SECOND_MS = 1_000;
const FLUSH_TIMEOUT_MS = 10_000;
/** A day that is missing may be restored: its events are published again this often. */
const MISSING_DAY_SECONDS = 3_600;
const DROPPED: Queueing = { queued: false, dropped: true };
const QUEUED: Queueing = { queued: true };

/**
 * Opens a publisher; NATS may be away. Rejects with a SpoolFault that names the file, or a
 * TypeError where an option is wrong.
 */
export function openPublisher(options: PublisherOptions): Promise<Publisher> {
  return Publisher.open(options);
}

/** Made by `openPublisher`. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #rules: AdmissionRules;
  readonly #spool: Spool;
  readonly #bus: Bus;
  readonly #pump: Pump;
  readonly #second: NodeJS.Timeout;
  /** Events that ingest refused for a day that is missing, and how long they wait. */
  #missingDays: { readonly digest: Digest; seconds: number }[] = [];
  #progress: JudgedProgress | undefined;
  readonly #hearing: Hearing;
  #closed = false;

  private constructor(options: PublisherOptions, spool: Spool) {
    this.#options = options;
    this.#spool = spool;
    this.#rules =
      options.msisdn === undefined ? DEFAULT_ADMISSION_RULES : { msisdn: options.msisdn };
    this.#hearing = new Hearing(options.source, this.#heard(), (error) =>
      tell(options, { kind: 'bus', error }),
    );
    this.#bus = new Bus(accessOf(options), {
      connected: (connection) => {
        if (options.keepUntil !== 'stored') this.#hearing.on(connection);
        this.#pump.reconnected();
      },
      refused: (error) => tell(options, { kind: 'bus', error }),
    });
    this.#pump = new Pump(spool, this.#bus, {
      stored: (events, sequence) => {
        spool.stored(events, sequence);
        if (options.keepUntil !== 'stored') return;
        for (const event of events) spool.settle(event, 'released');
      },
      failed: (failure, count) => tell(options, { kind: 'not_stored', failure, count }),
      troubled: (error) => {
        const fault = faultOf(error, options.spool.directory);
        tell(options, { kind: 'fault', fault, lostCount: 0 });
      },
    });
    this.#second = setInterval(() => this.#tick(), SECOND_MS);
    this.#second.unref();
  }

  /** See `openPublisher`. */
  static async open(options: PublisherOptions): Promise<Publisher> {
    checkOptions(options);
    let ready: () => void = () => undefined;
    const spool = await Spool.open({
      directory: options.spool.directory,
      maxBytes: options.spool.maxBytes ?? DEFAULT_SPOOL_BYTES,
      onReady: () => ready(),
      onTrouble: (trouble) => tell(options, trouble),
    });
    const publisher = new Publisher(options, spool);
    ready = () => publisher.#pump.kick();
    return publisher;
  }

  /** Resolves when the charge is safe on disk, or with why it is not taken. Never rejects. */
  charged(event: MessageCharged): Promise<Queueing> {
    return this.#queueSafely('charged', event);
  }

  /** As `charged`. */
  refunded(event: MessageRefunded): Promise<Queueing> {
    return this.#queueSafely('refunded', event);
  }

  /** As `charged`. */
  reportedSafely(event: DeliveryReported): Promise<Queueing> {
    return this.#queueSafely('reported', event);
  }

  /** Returns at once: the report is in memory, and on disk within some 20 ms. Never throws. */
  reported(event: DeliveryReported): Queueing {
    return this.#queue('reported', event).queueing;
  }

  /** Waits until all that is queued is safe; how many events are not, those lost meanwhile too. */
  async flush({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<{ readonly unsafe: number }> {
    const lostBefore = this.#spool.lostCount;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#spool.allSafe(), timeout]);
    clearTimeout(timer);
    return { unsafe: this.#spool.pendingCount + this.#spool.lostCount - lostBefore };
  }

  /** Takes no more, flushes, and leaves what has not left the spool to the next publisher. */
  async close({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<{ readonly unsafe: number }> {
    this.#closed = true;
    clearInterval(this.#second);
    const { unsafe } = await this.flush({ timeoutMs });
    await this.#pump.stop();
    await this.#bus.close();
    // A disk that does not answer is not waited for.
    if (this.#spool.pendingCount === 0) await this.#spool.close();
    return { unsafe };
  }

  state(): PublisherState {
    return {
      ...this.#spool.counts,
      outstanding: this.#spool.outstandingCount,
      unsafe: this.#spool.pendingCount,
      spoolBytes: this.#spool.bytes,
      oldestSeconds: this.#spool.oldestSeconds,
      connected: this.#bus.connection !== undefined,
    };
  }

  async #queueSafely(kind: EventKind, event: unknown): Promise<Queueing> {
    const { queueing, safe } = this.#queue(kind, event);
    return (await safe) === false ? DROPPED : queueing;
  }

  #queue(kind: EventKind, event: unknown): { queueing: Queueing; safe?: Promise<boolean> } {
    if (!KINDS_OF_SOURCE[this.#options.source].includes(kind)) {
      return { queueing: { queued: false, violations: [{ reason: 'unknown_subject' }] } };
    }
    const judged = judge(kind, event, this.#rules);
    if (judged.payload === undefined) {
      return { queueing: { queued: false, violations: judged.violations } };
    }
    const added = this.#closed ? undefined : this.#spool.add(withDigest(kind, judged.payload));
    return added === undefined ? { queueing: DROPPED } : { queueing: QUEUED, safe: added };
  }

  #tick(): void {
    this.#spool.tick(this.#progress?.judgedThrough);
    for (const waiting of this.#missingDays) waiting.seconds += 1;
    while ((this.#missingDays[0]?.seconds ?? 0) >= MISSING_DAY_SECONDS) {
      const waiting = this.#missingDays.shift();
      if (waiting !== undefined) this.#spool.putBack([waiting.digest]);
    }
  }

  #heard(): Heard {
    return {
      countedAll: (digests) => {
        for (const digest of digests) this.#spool.settle(digest, 'counted');
      },
      refused: (digest, reason) => this.#refused(digest, reason),
      progress: (progress) => {
        const before = this.#progress?.incarnation;
        this.#progress = progress;
        if (before !== undefined && before !== progress.incarnation) this.#spool.forgetStored();
      },
    };
  }

  #refused(digest: Digest, reason: DeadLetterReason): void {
    if (reason === 'day_missing') {
      if (!this.#spool.take(digest)) return;
      this.#missingDays.push({ digest, seconds: 0 });
    } else if (!this.#spool.settle(digest, 'refused')) return;
    const halves = [digest.digestHigh, digest.digestLow];
    const text = halves.map((half) => half.toString(16).padStart(8, '0')).join('');
    tell(this.#options, { kind: 'refused', digest: text, reason });
  }
}

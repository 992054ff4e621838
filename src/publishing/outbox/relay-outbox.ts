// Publishes the outbox of a producer. Several relays may run; each row is one's at a time, and a
// row whose relay died is another's when the claim has ended.

import { DEFAULT_ADMISSION_RULES } from '../../domain/message/admission.js';
import type { JudgedProgress } from '../../nats/announcements.js';
import { type Heard, Hearing } from '../publisher/announcements.js';
import { Bus } from '../publisher/bus.js';
import {
  accessOf,
  checkOptions,
  KINDS_OF_SOURCE,
  type PublisherOptions,
} from '../publisher/publisher-options.js';
import { Pump } from '../publisher/pump.js';
import { ClaimedRows } from './claimed-rows.js';
import type { QueryClient } from './outbox-client.js';

const POLL_MS = 200;
const SECOND_MS = 1_000;
/** How long an announcement may come after the progress that covers its row (contract, 7). */
const ANNOUNCEMENT_GRACE_SECONDS = 5;
/** How often rows are looked for which another relay saw stored by a stream that is gone. */
const OTHER_STREAMS_SECONDS = 60;

/** As a publisher's, with the producer's database instead of a spool. */
export interface RelayOptions extends Omit<PublisherOptions, 'spool' | 'onTrouble'> {
  /** A pool of `pg`, or a client that runs each statement in a transaction of its own. */
  readonly client: QueryClient;
  /** NATS or the database refuse something; it is tried again. */
  readonly onTrouble?: (error: Error) => void;
}

/** Starts a relay. Throws a TypeError where an option is wrong; NATS and Postgres may be away. */
export function relayOutbox(options: RelayOptions): OutboxRelay {
  checkOptions(options);
  return new OutboxRelay(options);
}

/** Made by `relayOutbox`. */
export class OutboxRelay {
  readonly #options: RelayOptions;
  readonly #rows: ClaimedRows;
  readonly #bus: Bus;
  readonly #pump: Pump;
  readonly #poll: NodeJS.Timeout;
  readonly #writes = new Set<Promise<void>>();
  readonly #second: NodeJS.Timeout;
  readonly #hearing: Hearing;
  #progress: JudgedProgress | undefined;
  /** The progress of this stream at each of the last seconds, oldest first. */
  #before: JudgedProgress[] = [];
  #untilOtherStreams = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { client, source, msisdn, keepUntil } = options;
    const rules = msisdn === undefined ? DEFAULT_ADMISSION_RULES : { msisdn };
    const tell = (error: Error) => this.#tell(error);
    this.#rows = new ClaimedRows(client, KINDS_OF_SOURCE[source], rules, tell);
    this.#hearing = new Hearing(source, this.#heard(), tell);
    this.#bus = new Bus(accessOf(options), {
      connected: (connection) => {
        if (keepUntil !== 'stored') this.#hearing.on(connection);
        this.#pump.reconnected();
      },
      refused: tell,
    });
    this.#pump = new Pump(this.#rows, this.#bus, {
      stored: (events, sequence) => {
        this.#rows.forget(events);
        const isCounted = keepUntil !== 'stored';
        const incarnation = this.#progress?.incarnation;
        this.#begin(
          isCounted ? this.#rows.store(events, sequence, incarnation) : this.#rows.delete(events),
        );
      },
      failed: tell,
      troubled: tell,
    });
    this.#poll = setInterval(() => this.#pump.kick(), POLL_MS);
    this.#second = setInterval(() => this.#tick(), SECOND_MS);
  }

  /** Waits for what is on the way, and leaves the rest to other relays. */
  async close(): Promise<void> {
    clearInterval(this.#poll);
    clearInterval(this.#second);
    await this.#pump.stop();
    await this.#bus.close();
    await Promise.all(this.#writes);
    await this.#rows.giveUp();
  }

  #heard(): Heard {
    return {
      countedAll: (digests) => this.#begin(this.#rows.delete(digests)),
      refused: (digest, reason) => {
        const isFinal = reason !== 'day_missing';
        this.#begin(isFinal ? this.#rows.refuse(digest, reason) : this.#rows.postpone(digest));
      },
      progress: (progress) => this.#judged(progress),
    };
  }

  #judged(progress: JudgedProgress): void {
    if (progress.incarnation !== this.#progress?.incarnation) {
      this.#before = [];
      this.#untilOtherStreams = 0;
    }
    this.#progress = progress;
  }

  // A row that was judged for so long and not announced is published again.
  #tick(): void {
    const progress = this.#progress;
    if (progress === undefined) return;
    this.#before.push(progress);
    if (this.#before.length > ANNOUNCEMENT_GRACE_SECONDS) {
      const judged = this.#before.shift();
      if (judged !== undefined) this.#begin(this.#rows.releaseJudged(judged));
    }
    this.#untilOtherStreams -= 1;
    if (this.#untilOtherStreams >= 0) return;
    this.#untilOtherStreams = OTHER_STREAMS_SECONDS;
    this.#begin(this.#rows.releaseOfOtherStreams(progress.incarnation));
  }

  /** A write that `close` waits for; it never rejects. */
  #begin(write: Promise<void>): void {
    const done = write.then(() => {
      this.#writes.delete(done);
    });
    this.#writes.add(done);
  }

  #tell(error: Error): void {
    try {
      this.#options.onTrouble?.(error);
    } catch {
      // An operator's code must not break the relay.
    }
  }
}

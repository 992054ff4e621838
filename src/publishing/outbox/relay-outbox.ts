// Publishes the outbox of a producer. Several relays may run; each row is one's at a time, and a
// row whose relay died is another's when the claim has ended.

import type { NatsConnection } from 'nats';
import { DEFAULT_ADMISSION_RULES } from '../../domain/message/admission.js';
import { type Heard, hearAnnouncements } from '../publisher/announcements.js';
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
  #hears = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { client, source, msisdn, keepUntil } = options;
    const rules = msisdn === undefined ? DEFAULT_ADMISSION_RULES : { msisdn };
    const tell = (error: Error) => this.#tell(error);
    this.#rows = new ClaimedRows(client, KINDS_OF_SOURCE[source], rules, tell);
    this.#bus = new Bus(accessOf(options), {
      connected: (connection) => {
        if (keepUntil === 'counted' && !this.#hears) this.#hear(connection);
        this.#pump.reconnected();
      },
      refused: tell,
    });
    this.#pump = new Pump(this.#rows, this.#bus, {
      stored: (events) => {
        this.#rows.stored(events);
        if (keepUntil !== 'counted') this.#begin(this.#rows.delete(events));
      },
      failed: tell,
    });
    this.#poll = setInterval(() => this.#pump.kick(), POLL_MS);
  }

  /** Waits for what is on the way, and leaves the rest to other relays. */
  async close(): Promise<void> {
    clearInterval(this.#poll);
    await this.#pump.stop();
    await this.#bus.close();
    await Promise.all(this.#writes);
    await this.#rows.giveUp();
  }

  #hear(connection: NatsConnection): void {
    this.#hears = true;
    const heard: Heard = {
      countedAll: (digests) => this.#begin(this.#rows.delete(digests)),
      refused: (digest, reason) => {
        const isFinal = reason !== 'day_missing';
        this.#begin(isFinal ? this.#rows.refuse(digest, reason) : this.#rows.postpone(digest));
      },
      // A row that is not announced is claimed and published again by itself.
      progress: () => undefined,
    };
    hearAnnouncements(connection, this.#options.source, heard, (error) => {
      this.#hears = false;
      this.#tell(error);
    });
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

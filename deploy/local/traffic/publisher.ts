// Publishes to JetStream under the two producers' own credentials, with a bounded number of
// publications in flight, and knows before which instant everything has been acknowledged.

import { connect, type JetStreamClient, type NatsConnection, headers as newHeaders } from 'nats';
import type { EpochMicros } from './event.js';
import type { Publication } from './schedule.js';

/** Where the two producers publish, with their credentials. */
export interface ProducerUrls {
  readonly billing: string;
  readonly dlr: string;
}

const IN_FLIGHT_MAX = 1_000;
const RETRY_DELAY_MS = 250;
const PUBLISH_TIMEOUT_MS = 5_000;

interface InFlight {
  readonly at: EpochMicros;
  readonly done: Promise<void>;
  settled: boolean;
}

/** The producers' side of the broker. */
export class Publisher {
  readonly counters = { published: 0, duplicates: 0, invalid: 0 };
  readonly #connections: readonly NatsConnection[];
  readonly #billing: JetStreamClient;
  readonly #dlr: JetStreamClient;
  readonly #inFlight: InFlight[] = [];
  #through: EpochMicros = 0;
  #givenUp = false;

  private constructor(billing: NatsConnection, dlr: NatsConnection) {
    this.#connections = [billing, dlr];
    this.#billing = billing.jetstream({ timeout: PUBLISH_TIMEOUT_MS });
    this.#dlr = dlr.jetstream({ timeout: PUBLISH_TIMEOUT_MS });
  }

  /** Connects both producers; later interruptions are bridged by reconnecting without end. */
  static async connect(urls: ProducerUrls): Promise<Publisher> {
    const options = { maxReconnectAttempts: -1, reconnectTimeWait: RETRY_DELAY_MS };
    const billing = await connect({ ...options, ...serverOf(urls.billing), name: 'billing' });
    const dlr = await connect({ ...options, ...serverOf(urls.dlr), name: 'dlr' });
    return new Publisher(billing, dlr);
  }

  /** Every publication given so far with `at` before this instant has been acknowledged. */
  get through(): EpochMicros {
    while (this.#inFlight[0]?.settled) this.#inFlight.shift();
    return this.#inFlight[0]?.at ?? this.#through;
  }

  /** Resolves when there is room for the next one; publications must come in order of `at`. */
  async publish(publication: Publication): Promise<void> {
    const entry: InFlight = {
      at: publication.at,
      done: this.#untilAcknowledged(publication).then((acknowledged) => {
        entry.settled = acknowledged;
      }),
      settled: false,
    };
    this.#inFlight.push(entry);
    this.#through = publication.at + 1;
    while (this.#inFlight.length >= IN_FLIGHT_MAX && !this.#givenUp) {
      await this.#inFlight[0]?.done;
      while (this.#inFlight[0]?.settled) this.#inFlight.shift();
    }
  }

  /** Says that nothing more is due before this instant. */
  advance(to: EpochMicros): void {
    this.#through = Math.max(this.#through, to);
  }

  /**
   * After this long nothing is tried again; whatever has no acknowledgement then counts as not
   * published.
   */
  giveUpAfter(graceMs: number): void {
    setTimeout(() => {
      this.#givenUp = true;
    }, graceMs).unref();
  }

  /** Waits for outstanding acknowledgements (or for giving up), then disconnects. */
  async close(): Promise<void> {
    await Promise.all(this.#inFlight.map((entry) => entry.done));
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  /**
   * False where it was given up: it stays the oldest in flight, and the next start publishes it
   * again.
   */
  async #untilAcknowledged(publication: Publication): Promise<boolean> {
    const { subject, payload } = publication;
    const stream = subject.startsWith('sms.dlr.') ? this.#dlr : this.#billing;
    const headers = newHeaders();
    for (const [name, value] of Object.entries(publication.headers)) headers.set(name, value);
    while (!this.#givenUp) {
      try {
        await stream.publish(subject, payload, { headers });
        this.#count(publication);
        return true;
      } catch {
        // Away, restarting or without a stream yet: the broker or the ledger drops what arrives
        // twice.
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }
    return false;
  }

  #count(publication: Publication): void {
    this.counters.published += 1;
    if (publication.copy) this.counters.duplicates += 1;
    if (publication.invalid) this.counters.invalid += 1;
  }
}

/** Credentials in the URL become options: the client library does not read them there. */
function serverOf(url: string): { servers: string; user?: string; pass?: string } {
  const { host, username, password } = new URL(url);
  if (username === '') return { servers: host };
  return { servers: host, user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

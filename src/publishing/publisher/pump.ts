// Takes what waits to the stream: up to four batches of 500 at a time. What fails goes
// back and is tried again after a pause, together at first; after two failures in a row
// one by one. Events that fail while others pass wait by themselves, and hold nothing up.

import type { NatsConnection } from 'nats';
import type { Digest } from '../../nats/announcements.js';
import type { SpooledEvent } from '../spool/records.js';
import { Backoff } from './backoff.js';
import type { Bus } from './bus.js';
import { type PublishFailure, publishBatch, publishOne } from './publish.js';

const BATCH_EVENTS = 500;
const BATCHES_IN_FLIGHT = 4;
const MAX_PAUSE_MS = 60_000;
const FAILURES_BEFORE_ONE_BY_ONE = 2;

/** Where events wait: a spool, or an outbox. */
export interface Backlog {
  /** At most `count` events that wait; none where none does. Never rejects. */
  next(count: number): Promise<SpooledEvent[]>;
  /** The events of this pump are to be published again. */
  putBack(events: readonly Digest[]): void;
}

export interface PumpEvents {
  /** The events are acknowledged, the last under this sequence. */
  stored(events: readonly SpooledEvent[], sequence: number): void;
  failed(failure: PublishFailure, count: number): void;
  /** The backlog threw. */
  troubled(error: Error): void;
}

export class Pump {
  readonly #backoff = new Backoff(MAX_PAUSE_MS);
  readonly #backoffOfSome = new Backoff(MAX_PAUSE_MS);
  readonly #waitingByThemselves = new Set<NodeJS.Timeout>();
  readonly #sending = new Set<Promise<void>>();
  #failuresInRow = 0;
  #pause: NodeJS.Timeout | undefined;
  #taking = false;
  #again = false;
  #stopped = false;

  constructor(
    private readonly backlog: Backlog,
    private readonly bus: Bus,
    private readonly events: PumpEvents,
  ) {}

  /** Publishes what waits, as far as the bus lets it. Does nothing more on the caller's turn. */
  kick(): void {
    this.#again = true;
    if (this.#taking) return;
    this.#taking = true;
    setImmediate(() => void this.#take());
  }

  /** Another server may do what the last one did not. */
  reconnected(): void {
    this.#endPause();
    this.#backoff.reset();
    this.#failuresInRow = 0;
    this.kick();
  }

  /** Begins nothing more, and waits for what is on the way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endPause();
    for (const timer of this.#waitingByThemselves) clearTimeout(timer);
    await Promise.all(this.#sending);
  }

  async #take(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#takeWhatWaits();
      }
    } catch (error) {
      // The next kick tries it again.
      this.events.troubled(error as Error);
    } finally {
      this.#taking = false;
    }
  }

  async #takeWhatWaits(): Promise<void> {
    while (this.#mayTake()) {
      const events = await this.backlog.next(BATCH_EVENTS);
      if (events.length === 0) return;
      const { connection } = this.bus;
      if (connection === undefined || this.#stopped) this.backlog.putBack(events);
      else this.#start(connection, events);
    }
  }

  #mayTake(): boolean {
    if (this.#stopped || this.#pause !== undefined) return false;
    return this.bus.connection !== undefined && this.#sending.size < BATCHES_IN_FLIGHT;
  }

  #start(connection: NatsConnection, events: readonly SpooledEvent[]): void {
    const sending = this.#send(connection, events).then(() => {
      this.#sending.delete(sending);
      this.kick();
    });
    this.#sending.add(sending);
  }

  async #send(connection: NatsConnection, events: readonly SpooledEvent[]): Promise<void> {
    const together = this.bus.takesBatches && this.#failuresInRow < FAILURES_BEFORE_ONE_BY_ONE;
    if (!together || events.length === 1) return this.#sendEach(connection, events);
    try {
      this.events.stored(events, await publishBatch(connection, events));
      this.#succeeded();
    } catch (error) {
      const failure = error as PublishFailure;
      if (failure.kind === 'batches_disabled') {
        this.bus.batchesAreDisabled();
        return this.#sendEach(connection, events);
      }
      this.#failed(failure, events);
    }
  }

  async #sendEach(connection: NatsConnection, events: readonly SpooledEvent[]): Promise<void> {
    const left: SpooledEvent[] = [];
    let failure: PublishFailure | undefined;
    const sendOne = async (event: SpooledEvent) => {
      try {
        this.events.stored([event], await publishOne(connection, event));
      } catch (error) {
        failure = error as PublishFailure;
        left.push(event);
      }
    };
    await Promise.all(events.map(sendOne));
    if (failure === undefined) this.#succeeded();
    else if (left.length < events.length) this.#someFailed(failure, left);
    else this.#failed(failure, left);
  }

  #someFailed(failure: PublishFailure, events: readonly SpooledEvent[]): void {
    this.#failuresInRow = FAILURES_BEFORE_ONE_BY_ONE;
    this.#backoff.reset();
    this.events.failed(failure, events.length);
    // Their digests only: an event that never passes must not fill the memory.
    const digests = events.map(({ digestHigh, digestLow }) => ({ digestHigh, digestLow }));
    // Nothing may hold a process that is about to end.
    if (this.#stopped) {
      this.backlog.putBack(digests);
      return;
    }
    const timer = setTimeout(() => {
      this.#waitingByThemselves.delete(timer);
      this.backlog.putBack(digests);
      this.kick();
    }, this.#backoffOfSome.next());
    this.#waitingByThemselves.add(timer);
  }

  #succeeded(): void {
    this.#failuresInRow = 0;
    this.#backoff.reset();
    if (this.#waitingByThemselves.size === 0) this.#backoffOfSome.reset();
  }

  #failed(failure: PublishFailure, events: readonly SpooledEvent[]): void {
    this.#failuresInRow += 1;
    this.backlog.putBack(events);
    this.events.failed(failure, events.length);
    if (this.#pause !== undefined || this.#stopped) return;
    this.#pause = setTimeout(() => {
      this.#endPause();
      this.kick();
    }, this.#backoff.next());
  }

  #endPause(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }
}

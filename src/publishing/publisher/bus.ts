// The connection to NATS, which may be away at any time, also at the start: this part connects for
// ever, and tells when events can be published.

import { Events, type NatsConnection } from 'nats';
import { connectNats, type NatsAccess } from '../../nats/connect.js';
import { Backoff } from './backoff.js';
import { knowsBatches } from './publish.js';

const MAX_CONNECT_PAUSE_MS = 5_000;

export interface BusEvents {
  /** A server is there, perhaps another one than before. */
  connected(connection: NatsConnection): void;
  /** The server refused something outside of a request, such as a subscription. */
  refused(error: Error): void;
}

export class Bus {
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #takesBatches = false;
  #closed = false;
  #wake: () => void = () => undefined;
  readonly #done: Promise<void>;

  constructor(
    private readonly access: NatsAccess,
    private readonly events: BusEvents,
  ) {
    this.#done = this.#connectForEver();
  }

  /** The connection while a server is there. */
  get connection(): NatsConnection | undefined {
    return this.#isConnected ? this.#connection : undefined;
  }

  /** Judged by the server's version, then by its answers, until it is another server. */
  get takesBatches(): boolean {
    return this.#takesBatches;
  }

  batchesAreDisabled(): void {
    this.#takesBatches = false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#connection?.close().catch(() => undefined);
    await this.#done;
  }

  async #connectForEver(): Promise<void> {
    const backoff = new Backoff(MAX_CONNECT_PAUSE_MS);
    while (!this.#closed) {
      try {
        const connection = await connectNats(this.access);
        if (this.#closed) return await connection.close();
        backoff.reset();
        this.#connection = connection;
        this.#isThere(connection);
        // Its words need not end with the connection.
        void this.#follow(connection);
        await connection.closed();
        this.#isConnected = false;
      } catch (error) {
        this.events.refused(error as Error);
        await this.#pause(backoff.next());
      }
    }
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type, data, permissionContext } of connection.status()) {
      if (type === Events.Disconnect) this.#isConnected = false;
      if (type === Events.Reconnect) this.#isThere(connection);
      if (type === Events.Error) {
        const about = permissionContext ? ` (${permissionContext.operation})` : '';
        this.events.refused(new Error(`NATS: ${String(data)}${about}`));
      }
    }
  }

  #isThere(connection: NatsConnection): void {
    this.#isConnected = true;
    this.#takesBatches = knowsBatches(connection);
    this.events.connected(connection);
  }

  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, durationMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

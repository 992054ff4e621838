// The long answers of one connection that have not left yet. HTTP/2 lets a reader take its time, and what it has not
// taken stands in memory: so the next one is made when there is room again.
import { EventEmitter, once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { createTurns, type InTurn } from '../../query/turns.js';

/** With more than that on its way, in bytes, the next answer waits. */
const ROOM = 1024 * 1024;
/** Not longer than that: one call that nobody reads must not end all others of a mesh's proxy. */
const MAX_WAIT_MS = 1_000;
/** What fits into the window of a stream leaves at once (RFC 9113, 6.9.2); also what a long answer is. */
const WINDOW = 65_535;

/** What of a call is needed to know when its answer has left. */
interface Ending {
  once(event: 'cancelled', listener: () => void): unknown;
}

export class Outbox {
  readonly inTurn: InTurn = createTurns(() => this.#untilRoom());
  readonly #room = new EventEmitter();
  #bytes = 0;

  /** An answer is on its way until its call is over: grpc-js emits `cancelled` after every call, the good ones too. */
  add(bytes: number, call: Ending): void {
    if (bytes <= WINDOW) return;
    this.#bytes += bytes;
    call.once('cancelled', () => {
      this.#bytes -= bytes;
      if (this.#bytes <= ROOM) this.#room.emit('room');
    });
  }

  async #untilRoom(): Promise<void> {
    // What was made just now has been added then.
    await setImmediate();
    if (this.#bytes <= ROOM) return;
    const signal = AbortSignal.timeout(MAX_WAIT_MS);
    await once(this.#room, 'room', { signal }).catch(() => undefined);
  }
}

const outboxes = new WeakMap<object, Outbox>();

/** The outbox of a connection, one for as long as it lives. */
export function outboxOf(connection: object): Outbox {
  let outbox = outboxes.get(connection);
  if (outbox === undefined) {
    outbox = new Outbox();
    outboxes.set(connection, outbox);
  }
  return outbox;
}

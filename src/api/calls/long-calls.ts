// Calls whose answers are a megabyte or two. Unread bytes stay in memory, once for each caller of
// the same answer. So only a few calls are at work, from the first look at the database until the
// answer has been read. A connection that does not read keeps its own calls waiting, and others
// for a moment only.
import { createGate, type Gate, type ReadLimits } from '../../postgres/gate.js';

/** Long calls at work in this process, and of one connection. */
const PER_PROCESS = 4;
const PER_CONNECTION = 3;
/** How long an answer that is not read keeps calls of other connections waiting. */
const UNREAD_MS = 1_000;
/** The streams of its connections bound how many wait. */
const newGate = (size: number) => createGate(size, Number.POSITIVE_INFINITY);

export class LongCalls {
  readonly #process = newGate(PER_PROCESS);
  readonly #connections = new WeakMap<object, Gate>();
  #waiting = 0;
  #running = 0;

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Calls at work, or whose answer is not read yet. */
  get running(): number {
    return this.#running;
  }

  /**
   * What `work` resolves to, when its turn has come. The signal of `limits` aborts when the call is
   * over, however it ends. Rejects with what `work` throws, and as `Gate.enter` does.
   */
  async run<T>(connection: object, limits: ReadLimits, work: () => Promise<T>): Promise<T> {
    const { signal } = limits;
    this.#waiting++;
    const leave = await this.#enter(connection, limits).finally(() => {
      this.#waiting--;
    });
    this.#running++;
    whenAborted(signal, () => {
      this.#running--;
      leave();
    });
    try {
      return await work();
    } finally {
      setTimeout(leave, UNREAD_MS).unref();
    }
  }

  /**
   * Keeps the place on the connection until the call is over; resolves to what gives up the one in
   * the process.
   */
  async #enter(connection: object, limits: ReadLimits): Promise<() => void> {
    whenAborted(limits.signal, await this.#gateOf(connection).enter(limits));
    return this.#process.enter(limits);
  }

  #gateOf(connection: object): Gate {
    let gate = this.#connections.get(connection);
    if (gate === undefined) {
      gate = newGate(PER_CONNECTION);
      this.#connections.set(connection, gate);
    }
    return gate;
  }
}

function whenAborted(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}

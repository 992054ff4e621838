// Calls whose answers are a megabyte or two. What a reader has not taken yet stands in memory, once more for each caller
// of the same answer: so only a few are at work, from the first look at the database until the answer has been read. A
// connection that does not read keeps its own calls waiting, and others for a moment only.
import { setTimeout } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { Cancelled } from '../../domain/failure.js';

/** Long calls at work in this process, and of one connection. */
const PER_PROCESS = 4;
const PER_CONNECTION = 3;
/** How long an answer that is not read keeps calls of other connections waiting. */
const UNREAD_MS = 1_000;

/** What of a call is needed to know when it is over. */
interface Ending {
  readonly cancelled: boolean;
  once(event: 'cancelled', listener: () => void): unknown;
}

export class LongCalls {
  readonly #process = pLimit(PER_PROCESS);
  readonly #connections = new WeakMap<object, LimitFunction>();
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
   * What `work` resolves to, when its turn has come. Rejects with what `work` throws, and with {@link Cancelled} where the
   * call was over before.
   */
  run<T>(connection: object, call: Ending, work: () => Promise<T>): Promise<T> {
    const over = endOf(call);
    this.#waiting++;
    return new Promise<T>((resolve, reject) => {
      const atWork = async () => {
        const result = call.cancelled
          ? Promise.reject(new Cancelled('the caller no longer waits'))
          : work();
        result.then(resolve, reject);
        await result.catch(() => undefined);
        await Promise.race([over, setTimeout(UNREAD_MS, undefined, { ref: false })]);
      };
      const ofConnection = async () => {
        await this.#process(async () => {
          this.#waiting--;
          this.#running++;
          await atWork();
        });
        await over;
        this.#running--;
      };
      void this.#limitOf(connection)(ofConnection);
    });
  }

  #limitOf(connection: object): LimitFunction {
    let limit = this.#connections.get(connection);
    if (limit === undefined) {
      limit = pLimit(PER_CONNECTION);
      this.#connections.set(connection, limit);
    }
    return limit;
  }
}

/** grpc-js emits `cancelled` after every call, the good ones too, when its stream is closed. */
function endOf(call: Ending): Promise<void> {
  return new Promise((resolve) => {
    if (call.cancelled) resolve();
    else call.once('cancelled', resolve);
  });
}

// Who may read next. The queue is bounded and first come, first served; who leaves or runs out of
// time while waiting takes no place in it.
import { Cancelled, DeadlineExceeded, ResourceExhausted } from '../domain/failure.js';

/** When a read must be over. */
export interface ReadLimits {
  readonly signal: AbortSignal;
  /** Milliseconds that are left until the caller's deadline. */
  readonly remainingMs: number;
}

/** Throws the failure of a caller who left or whose time is over. */
export function throwIfOver(signal: AbortSignal, remainingMs: number): void {
  if (signal.aborted) throw new Cancelled();
  if (remainingMs <= 0) throw new DeadlineExceeded('the deadline has passed');
}

/** Lets some through at once and some wait. */
export interface Gate {
  /** Resolves to the function that leaves again. */
  enter(limits: ReadLimits): Promise<() => void>;
  busy(): number;
  waiting(): number;
}

/** Lets `size` through at once and `maxWaiting` wait, first come first served. */
export function createGate(size: number, maxWaiting: number): Gate {
  let busy = 0;
  const queue = new Set<() => void>();
  const leave = () => {
    const [next] = queue;
    if (next === undefined) busy--;
    else next();
  };
  const once = () => {
    let left = false;
    return () => {
      if (!left) leave();
      left = true;
    };
  };
  return {
    busy: () => busy,
    waiting: () => queue.size,
    enter(limits) {
      return new Promise((resolve, reject) => {
        try {
          throwIfOver(limits.signal, limits.remainingMs);
        } catch (error) {
          return reject(error);
        }
        if (busy < size) {
          busy++;
          return resolve(once());
        }
        if (queue.size >= maxWaiting) {
          return reject(new ResourceExhausted('too many questions wait for the database'));
        }
        const giveUp = (failure: Error) => {
          stopWaiting();
          reject(failure);
        };
        const onAbort = () => giveUp(new Cancelled());
        const timer = setTimeout(
          () => giveUp(new DeadlineExceeded('the deadline passed while waiting')),
          Math.min(limits.remainingMs, 2 ** 31 - 1),
        );
        const enter = () => {
          stopWaiting();
          resolve(once());
        };
        const stopWaiting = () => {
          clearTimeout(timer);
          queue.delete(enter);
          limits.signal.removeEventListener('abort', onAbort);
        };
        limits.signal.addEventListener('abort', onAbort, { once: true });
        queue.add(enter);
      });
    },
  };
}

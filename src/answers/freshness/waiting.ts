// Waiting for what others have begun: whoever waits may leave, and has a deadline of its own.
import { Cancelled, DeadlineExceeded } from '../../domain/failure.js';
import type { Clock } from '../../platform/clock.js';
import type { QueryContext } from '../question/context.js';

/**
 * What `promise` resolves to.
 * @throws {Cancelled} the caller left first
 * @throws {DeadlineExceeded} the caller's deadline passed first
 */
export function whileWaiting<T>(
  promise: Promise<T>,
  { signal, deadline }: QueryContext,
  clock: Clock,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      clearTimeout(timer);
      reject(new Cancelled());
    };
    const stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    promise.then(resolve, reject).finally(stop);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    if (deadline === undefined) return;
    const leftMs = Math.max(0, (deadline - clock.now()) / 1000);
    const onDeadline = () => {
      stop();
      reject(new DeadlineExceeded('the deadline has passed'));
    };
    timer = setTimeout(onDeadline, Math.min(leftMs, 2 ** 31 - 1));
  });
}

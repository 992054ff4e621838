// The only place that reads time. Everything else takes a Clock, so that tests drive it by hand; a
// test of the source holds that rule. Wall-clock time is for data (it can jump); durations and
// time-outs use the monotonic reading.

/** Microseconds since 1970-01-01T00:00:00Z: a safe integer until the year 2255. */
type EpochMicros = number;

/** Two readings of time. */
export interface Clock {
  /**
   * Wall-clock time in epoch microseconds (resolution 1 ms). May go back when the machine's clock
   * is set.
   */
  now(): EpochMicros;
  /** Milliseconds since an arbitrary start, with fractions. Never goes back. */
  monotonicMs(): number;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now() * 1000,
  monotonicMs: () => performance.now(),
};

/** Resolves after `durationMs`, or as soon as `signal` aborts; it never rejects. */
export function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal?.addEventListener('abort', done, { once: true });
  });
}

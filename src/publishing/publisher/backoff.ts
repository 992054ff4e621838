// Waits between attempts that fail: exponential with full jitter, so that many publishers that lost
// one server do not come back in step.

const FIRST_MS = 250;

export class Backoff {
  #failures = 0;

  constructor(private readonly maxMs: number) {}

  /** How long to wait after one more failure. */
  next(): number {
    const ceiling = Math.min(this.maxMs, FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    return Math.random() * ceiling;
  }

  reset(): void {
    this.#failures = 0;
  }
}

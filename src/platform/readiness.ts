// Readiness with hysteresis: a probe must fail several times in a row before traffic is turned
// away, and succeed several times before it comes back, so that one slow look does not make the
// service flap. Draining wins at once.
import { pause } from './clock.js';

/**
 * Resolves while the process can do its work; rejects, with a reason for the log, while it cannot.
 */
export type Probe = (signal: AbortSignal) => Promise<void>;

export interface ReadinessOptions {
  /** Probes by name; all must succeed. */
  readonly probes: Readonly<Record<string, Probe>>;
  readonly intervalMs?: number;
  /** Failures in a row before ready becomes not ready. */
  readonly failuresToLose?: number;
  /** Successes in a row before not ready becomes ready; the very first success counts at once. */
  readonly successesToGain?: number;
  readonly probeTimeoutMs?: number;
  /** Told each time readiness changes, and where it is lacking from the start. */
  readonly onChange?: (ready: boolean, lacking: Lacking | undefined) => void;
}

/** Why a process is not ready. */
export interface Lacking {
  /** The name of the failing probe, or `draining`. */
  readonly step: string;
  /** What the probe rejected with. */
  readonly error?: unknown;
}

/** Looks at its probes until it is drained. Not ready before the first success. */
export class Readiness {
  /** What `onChange` was told last; undefined before the first time. */
  #told: boolean | undefined;
  #everReady = false;
  #failures = 0;
  #successes = 0;
  readonly #drained = new AbortController();

  constructor(private readonly options: ReadinessOptions) {}

  get ready(): boolean {
    return this.#told === true && !this.#drained.signal.aborted;
  }

  /** Looks again and again until `drain`; resolves then. */
  async watch(): Promise<void> {
    while (!this.#drained.signal.aborted) {
      await this.look();
      await pause(this.options.intervalMs ?? 1_000, this.#drained.signal);
    }
  }

  /** One look at all probes. */
  async look(): Promise<void> {
    const failing = await this.#failingProbe();
    if (failing === undefined) {
      this.#failures = 0;
      this.#successes += 1;
      const needed = this.#everReady ? (this.options.successesToGain ?? 2) : 1;
      if (this.#successes >= needed) this.#change(true, undefined);
    } else {
      this.#successes = 0;
      this.#failures += 1;
      if (this.#failures >= (this.options.failuresToLose ?? 3)) this.#change(false, failing);
    }
  }

  /** Not ready from now on. */
  drain(): void {
    this.#drained.abort();
    this.#change(false, { step: 'draining' });
  }

  #change(ready: boolean, lacking: Lacking | undefined): void {
    if (ready && this.#drained.signal.aborted) return;
    if (ready) this.#everReady = true;
    if (ready === this.#told) return;
    this.#told = ready;
    this.options.onChange?.(ready, lacking);
  }

  async #failingProbe(): Promise<Lacking | undefined> {
    const looks = Object.entries(this.options.probes).map(async ([name, probe]) => {
      const limit = AbortSignal.timeout(this.options.probeTimeoutMs ?? 2_000);
      const expired = new Promise<never>((_, reject) =>
        limit.addEventListener('abort', () => reject(limit.reason), { once: true }),
      );
      return Promise.race([probe(limit), expired]).then(
        () => undefined,
        (error: unknown) => ({ step: name, error }),
      );
    });
    return (await Promise.all(looks)).find((lacking) => lacking !== undefined);
  }
}

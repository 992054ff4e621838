// Looks at the certificate files again and again, swaps a changed working set in, and keeps the
// last good one where a change does not work. Says so in the log and in metrics, and warns when the
// set in use nears its end.
import { type Clock, pause } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';
import type { ServerMetrics } from '../calls/metrics.js';
import type { MutualTlsCredentials } from './tls-credentials.js';
import { loadTlsMaterial, type TlsFiles, type TlsMaterial } from './tls-material.js';

export interface TlsRotationOptions {
  readonly files: TlsFiles;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<ServerMetrics, 'certificateLoaded' | 'certificateExpires'>;
  readonly intervalMs?: number;
}

const INTERVAL_MS = 2_000;
const WARN_EVERY_MS = 3_600_000;
/**
 * Warn in the last fifth of a certificate's life: something that renews at half has failed twice by
 * then.
 */
const LAST_PART = 5;

/** Keeps credentials fresh. */
export class TlsRotation {
  #refused = '';
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly credentials: MutualTlsCredentials,
    private inUse: TlsMaterial,
    private readonly options: TlsRotationOptions,
  ) {
    this.#tell(inUse);
  }

  /** Looks until `stopping`; resolves then. */
  async watch(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      await pause(this.options.intervalMs ?? INTERVAL_MS, stopping);
      await this.look();
    }
  }

  /** One look at the files. Never rejects. */
  async look(): Promise<void> {
    const nowMs = this.options.clock.now() / 1000;
    this.#warnOfExpiry(nowMs);
    let found: TlsMaterial;
    try {
      found = await loadTlsMaterial(this.options.files, nowMs);
    } catch (error) {
      this.#keepLastGood(error);
      return;
    }
    this.#refused = '';
    if (found.fingerprint === this.inUse.fingerprint) return;
    this.credentials.rotate(found);
    this.inUse = found;
    this.#warnedMs = Number.NEGATIVE_INFINITY;
    this.#tell(found);
  }

  #tell(material: TlsMaterial): void {
    this.options.metrics.certificateLoaded('ok');
    this.options.metrics.certificateExpires(material.validToMs / 1000);
    const instant = new Date(material.validToMs).toISOString();
    this.options.log.info('certificate in use', { instant, reason: 'valid until' });
  }

  #keepLastGood(error: unknown): void {
    this.options.metrics.certificateLoaded('kept_last_good');
    const fault = error instanceof Error ? error.message : 'unknown';
    if (fault === this.#refused) return;
    this.#refused = fault;
    this.options.log.error('certificate files do not work, the last good set stays', { error });
  }

  #warnOfExpiry(nowMs: number): void {
    const { validFromMs, validToMs } = this.inUse;
    const lateMs = validToMs - (validToMs - validFromMs) / LAST_PART;
    if (nowMs < lateMs || nowMs - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = nowMs;
    const instant = new Date(validToMs).toISOString();
    this.options.log.warn('certificate expires soon and was not renewed', { instant });
  }
}

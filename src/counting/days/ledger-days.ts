// The days of the ledger as an ingest process knows them: it makes those ahead once an hour, and
// learns each second which are missing (contract, section 2). Events of a missing day are refused.
import type { Pool } from 'pg';
import type { EpochDay } from '../../domain/time/instant.js';
import type { Log } from '../../platform/log.js';
import { createLedgerDays } from '../guard/ingest-progress.js';
import { missingDaysAdvice, readMissingDays } from './missing-days.js';

export interface LedgerDaysOptions {
  readonly pool: Pool;
  readonly generation: number;
  readonly log: Log;
  readonly monotonicMs: () => number;
}

const INTERVAL_MS = 3_600_000;

export class LedgerDays {
  #madeMs = -Infinity;
  #missing: ReadonlySet<EpochDay> = new Set();

  constructor(private readonly options: LedgerDaysOptions) {}

  /** Another set whenever other days are missing; the same one as long as none changes. */
  get missing(): ReadonlySet<EpochDay> {
    return this.#missing;
  }

  /** Makes days where that is due, and learns which are missing. Rejects where Postgres is away. */
  async keep(): Promise<void> {
    if (this.options.monotonicMs() - this.#madeMs >= INTERVAL_MS) await this.make();
    else await this.#learn();
  }

  /**
   * Makes at once the days that can be made, and learns which are missing. Returns how many it
   * made.
   */
  async make(): Promise<number> {
    const { pool, generation, log, monotonicMs } = this.options;
    const count = await createLedgerDays(pool, generation);
    this.#madeMs = monotonicMs();
    if (count > 0) log.info('ledger days made', { count });
    await this.#learn();
    return count;
  }

  async #learn(): Promise<void> {
    const { pool, generation, log } = this.options;
    const days = await readMissingDays(pool, generation);
    if (days.length === this.#missing.size && days.every((day) => this.#missing.has(day))) return;
    this.#missing = new Set(days);
    if (days.length > 0) log.error('ledger days are missing', { reason: missingDaysAdvice(days) });
    else log.info('no ledger day is missing any more');
  }
}

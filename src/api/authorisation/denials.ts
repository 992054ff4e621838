// Denials as audit records: one per caller, method, reason and minute, with a count, however often
// a caller knocks. Only validated ids get here (a parsed SPIFFE ID, a name of the policy). Records
// are kept until the store has taken them, within a bound; what is over the bound is counted under
// `other`, of a method and a reason in the first minute of it.

import type { DenialRow } from '../../audit/records/record-denials.js';
import type { Clock } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';

/** Appends rows to the audit table, all or none. */
export type RecordDenials = (rows: readonly DenialRow[]) => Promise<void>;

const MINUTE_MICROS = 60_000_000;
const MOST_ROWS = 2_000;
const OTHER = 'other';

/** Gathers denials and hands them to the store. */
export class DenialAudit {
  readonly #rows = new Map<string, DenialRow>();
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly recordDenials: RecordDenials,
  ) {}

  /** Notes one denial. */
  note(caller: string, method: string, reason: string, correlationId: string): void {
    const now = this.clock.now();
    const minute = now - (now % MINUTE_MICROS);
    this.#add({ minute, caller, method, reason, count: 1, correlationId });
  }

  /**
   * Writes the rows of minutes that are over; with `all`, also those of the running minute. Never
   * rejects.
   */
  flush(all = false): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write(all));
    return this.#writing;
  }

  async #write(all: boolean): Promise<void> {
    const now = this.clock.now();
    const over = [...this.#rows].filter(([, row]) => all || row.minute + MINUTE_MICROS <= now);
    if (over.length === 0) return;
    for (const [key] of over) this.#rows.delete(key);
    const rows = over.map(([, row]) => row);
    try {
      await this.recordDenials(rows);
    } catch (error) {
      this.log.error('denials could not be recorded, kept for later', {
        count: rows.length,
        error,
      });
      for (const row of rows) this.#add(row);
    }
  }

  /** Adds to the row of its key; a key for which there is no room, to that of `other`. */
  #add(row: DenialRow): void {
    const full = this.#rows.size >= MOST_ROWS && !this.#rows.has(keyOf(row));
    const kept = full ? { ...row, caller: OTHER } : row;
    const known = this.#rows.get(keyOf(kept));
    this.#rows.set(keyOf(kept), {
      ...kept,
      minute: Math.min(kept.minute, known?.minute ?? kept.minute),
      count: kept.count + (known?.count ?? 0),
      correlationId: known?.correlationId ?? kept.correlationId,
    });
  }
}

/** Of `other` there is one row however long the store is away: minutes would be without bound. */
function keyOf({ minute, caller, method, reason }: DenialRow): string {
  return [caller === OTHER ? '' : minute, caller, method, reason].join(' ');
}

/**
 * Which accounts had messages on which days, as far as it was read already. Every change of an account's
 * cells grows the version of the platform's sums of that day (one statement writes both, see
 * sum-statement.ts), so a day whose version is the same has the same active accounts, and as long as no
 * day has changed there is no new account. Invariants: nothing is answered from here before the versions
 * were looked at in the answer's own snapshot; what is kept belongs to one generation and is bounded.
 */

/** A UTC day, in days since 1970. */
type Day = number;

/** More account-days than this are not remembered: 16 bytes each, some 32 MB. */
const MAX_ENTRIES = 2_000_000;

export class AccountMemory {
  #generation = 0;
  #total = Number.NaN;
  #accounts: readonly string[] = [];
  readonly #days = new Map<Day, { version: number; active: ReadonlySet<string> }>();
  readonly #seen = new Map<Day, number>();
  #entries = 0;

  /** Must be called first: forgets what belongs to another generation. */
  enter(generation: number): void {
    if (generation !== this.#generation) this.clear();
    this.#generation = generation;
  }

  clear(): void {
    this.#total = Number.NaN;
    this.#accounts = [];
    this.#days.clear();
    this.#seen.clear();
    this.#entries = 0;
  }

  /** Every account that has cells, if no day has changed since; `total` is the sum of all days' versions. */
  accountsAt(total: number): readonly string[] | undefined {
    return total === this.#total ? this.#accounts : undefined;
  }

  keepAccounts(total: number, accounts: readonly string[]): void {
    this.#total = total;
    this.#accounts = accounts;
  }

  /** The accounts with messages on a day. */
  activeOn(day: Day, version: number): ReadonlySet<string> | undefined {
    const known = this.#days.get(day);
    return known?.version === version ? known.active : undefined;
  }

  /** Whether a day that is not known is worth knowing: it was the same the last time that somebody asked. */
  isSteady(day: Day, version: number): boolean {
    const before = this.#seen.get(day);
    this.#seen.set(day, version);
    return before === version && this.#entries < MAX_ENTRIES;
  }

  keepDay(day: Day, version: number, active: ReadonlySet<string>): void {
    this.#entries += active.size - (this.#days.get(day)?.active.size ?? 0);
    this.#days.set(day, { version, active });
  }
}

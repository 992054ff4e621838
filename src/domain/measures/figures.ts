// What is counted of some messages: outcomes, latency, money, reasons.
import { type Counts, noCounts } from './counts.js';
import type { MoneyByCurrency } from './money.js';
import { type BinCounts, noBins } from './percentile.js';

/** A question without latency, money or reasons leaves them empty. */
export interface Figures {
  readonly counts: Counts;
  readonly bins: BinCounts;
  readonly money: MoneyByCurrency;
  readonly reasons: ReasonCounts;
}

/** Failures and UNKNOWN by reason. */
export type ReasonCounts = ReadonlyMap<string, bigint>;

export function noFigures(): Figures {
  return { counts: noCounts(), bins: noBins(), money: new Map(), reasons: new Map() };
}

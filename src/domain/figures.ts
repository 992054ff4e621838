/** What is counted of some messages: outcomes, latency, money. */
import { type Counts, noCounts } from './counts.js';
import type { MoneyByCurrency } from './money.js';
import { type BinCounts, noBins } from './percentile.js';

/** A question without latency or money leaves them empty. */
export interface Figures {
  readonly counts: Counts;
  readonly bins: BinCounts;
  readonly money: MoneyByCurrency;
}

export function noFigures(): Figures {
  return { counts: noCounts(), bins: noBins(), money: new Map() };
}

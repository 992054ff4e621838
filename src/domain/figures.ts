/** What is counted of some messages: outcomes, latency, money. Sums of figures are figures. */
import { addCounts, type Counts, noCounts } from './counts.js';
import { addMoney, type MoneyByCurrency } from './money.js';
import { addBins, type BinCounts, noBins } from './percentile.js';

/** A question without latency or money leaves them empty. */
export interface Figures {
  readonly counts: Counts;
  readonly bins: BinCounts;
  readonly money: MoneyByCurrency;
}

export function noFigures(): Figures {
  return { counts: noCounts(), bins: noBins(), money: new Map() };
}

/** Adds `more` to `figures`, in place. */
export function addFigures(figures: Figures, more: Figures): void {
  addCounts(figures.counts, more.counts);
  addBins(figures.bins, more.bins);
  addMoney(figures.money, more.money);
}

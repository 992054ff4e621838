/** What questions read of the platform's rollups. */
import { activeAccountsKind, operatorKinds } from '../store/postgres/select-active.js';
import { figuresKind, reasonsKind } from '../store/postgres/select-figures.js';
import { outcomeCellsKind } from '../store/postgres/select-outcome-cells.js';
import { throughputKind } from '../store/postgres/select-throughput.js';

/** One of each: what is remembered refers to dictionaries of its own. */
export function createReadKinds() {
  return {
    figures: figuresKind,
    reasons: reasonsKind,
    outcomeCells: outcomeCellsKind(),
    activeAccounts: activeAccountsKind(),
    ...operatorKinds(),
    throughput: throughputKind,
  };
}

export type ReadKinds = ReturnType<typeof createReadKinds>;

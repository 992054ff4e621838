// What questions read of the platform's rollups.

import { throughputKind } from '../throughput/select-throughput.js';
import { activeAccountsKind, operatorKinds } from './select-active.js';
import { figuresKind, reasonsKind } from './select-figures.js';
import { outcomeCellsKind } from './select-outcome-cells.js';

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

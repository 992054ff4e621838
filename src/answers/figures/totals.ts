// Totals of a period, from the coarsest cells that make it up: a month is thirty of them however
// finely its series is cut.
import type { Figures } from '../../domain/measures/figures.js';
import { allOf, NotRemembered, type Reading } from '../freshness/reading.js';
import type { Slots } from '../question/periods.js';
import { figuresKind, sumOf } from './select-figures.js';
import { piecesOf } from './select-outcome-cells.js';

export interface Totals {
  readonly total: Figures;
  /** Over the part of the period that is compared. */
  readonly compared: Figures;
}

/**
 * The totals of an operator that was read, '' of all together; adds them up once, which takes
 * longer than reading did.
 */
export type TotalsOf = (operatorId: string) => Totals;

/** Of these operators; '' is the sum over all. `pieces` are those of the period. */
export async function readTotals(
  reading: Reading,
  period: Slots,
  operatorIds: readonly string[],
  pieces = piecesOf(period),
): Promise<TotalsOf | NotRemembered> {
  const { edges, slotsBeforeCut } = period;
  const apart = slotsBeforeCut < edges.length - 1;
  const comparedEdges = [edges[0] as number, edges[slotsBeforeCut] as number];
  const read = await allOf([
    reading.get(figuresKind, pieces, operatorIds),
    apart
      ? reading.get(figuresKind, piecesOf({ ...period, edges: comparedEdges }), operatorIds)
      : undefined,
  ]);
  if (read instanceof NotRemembered) return read;
  const [whole, part] = read;
  const known = new Map<string, Totals>();
  return (id) => {
    let totals = known.get(id);
    if (totals === undefined) {
      const total = sumOf(whole.get(id) ?? []);
      totals = { total, compared: part === undefined ? total : sumOf(part.get(id) ?? []) };
      known.set(id, totals);
    }
    return totals;
  };
}

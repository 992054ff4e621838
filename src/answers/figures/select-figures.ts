// What is counted of operators, slot by slot, as it is remembered; '' is the sum over all
// operators.
import { type Figures, noFigures, type ReasonCounts } from '../../domain/measures/figures.js';
import type { Part } from '../../platform/parts.js';
import type { Snapshot } from '../../postgres/pool.js';
import type { CellRange } from '../../rollups/cells.js';
import { FigureSums, packFigures } from '../memory/packed-figures.js';
import type { EncodedPoint } from '../wire/points.js';
import { binsOf, latencyIn, readLatency, type SlotHistograms } from './select-latency.js';
import { moneyByOperator, readMoney, type SlotMoney } from './select-money.js';
import { outcomesIn, readOutcomes, type SlotCounts } from './select-outcomes.js';
import { readReasons, reasonsIn } from './select-reasons.js';

/** The figures of one slot, packed. */
export interface SlotFigures extends Part {
  /** What an answer made of them, for the next one; see src/answers/wire/points.ts. */
  point: EncodedPoint | undefined;
}

/** With room for the point: an object that grows costs more. */
const pointless = ({ slab, start, end }: Part): SlotFigures => ({
  slab,
  start,
  end,
  point: undefined,
});

/** The figures of some slots together. */
export function sumOf(slots: readonly SlotFigures[]): Figures {
  const sums = new FigureSums();
  // Before a platform's first day there are many that are empty, and adding them up takes as long.
  for (const packed of slots) if (packed.slab !== NOTHING.slab) sums.add(packed);
  return sums.figures();
}

const OBJECT_BYTES = 60;
/** For the objects and the point that is likely to come. */
const BESIDE_BYTES = 2 * OBJECT_BYTES + 180;

/** By operator, then by slot (from 0); slots without anything are missing. */
export const figuresKind = {
  name: 'figures',
  bytesOf: ({ start, end }: SlotFigures) => end - start + BESIDE_BYTES,
  none: (): SlotFigures => pointless(NOTHING),
  sum: (slots: readonly SlotFigures[]) => pointless(packFigures([sumOf(slots)])[0] as Part),
  async read(
    snapshot: Snapshot,
    range: CellRange,
    operatorIds: readonly string[],
    slots: readonly number[] | undefined,
  ): Promise<Map<string, Map<number, SlotFigures>>> {
    const rows = await Promise.all([
      readOutcomes(snapshot, range, operatorIds, slots),
      readLatency(snapshot, range, operatorIds, slots),
      readMoney(snapshot, range, operatorIds, slots),
    ]);
    // Read out of the text only now: until then it is a few long texts, afterwards it is thousands
    // of objects.
    const counts = outcomesIn(rows[0], range);
    const histograms = latencyIn(rows[1], range);
    const money = moneyByOperator(rows[2], range);
    return new Map(
      operatorIds.map((id) => [
        id,
        packedSlots({
          counts: counts.get(id),
          bins: histograms.get(id),
          money: money.get(id),
        }),
      ]),
    );
  },
};

/**
 * The reasons of operators alone, which no point of a series has. By operator, then by slot (from
 * 0).
 */
export const reasonsKind = {
  ...figuresKind,
  name: 'reasons',
  // There is no point.
  bytesOf: ({ start, end }: SlotFigures) => end - start + OBJECT_BYTES,
  async read(
    snapshot: Snapshot,
    range: CellRange,
    operatorIds: readonly string[],
    slots: readonly number[] | undefined,
  ): Promise<Map<string, Map<number, SlotFigures>>> {
    const reasons = reasonsIn(await readReasons(snapshot, range, operatorIds, slots), range);
    return new Map(operatorIds.map((id) => [id, packedSlots({ reasons: reasons.get(id) })]));
  },
};

const [NOTHING] = packFigures([noFigures()]) as [Part];

interface BySlot {
  readonly counts?: SlotCounts | undefined;
  readonly bins?: SlotHistograms | undefined;
  readonly money?: SlotMoney | undefined;
  readonly reasons?: ReadonlyMap<number, ReasonCounts> | undefined;
}

function packedSlots({ counts, bins, money, reasons }: BySlot): Map<number, SlotFigures> {
  const parts = [counts, bins, money, reasons];
  const slots = [...new Set(parts.flatMap((part) => [...(part?.keys() ?? [])]))];
  const packed = packFigures(figuresOf());
  return new Map(slots.map((slot, i) => [slot, pointless(packed[i] as Part)]));

  /** Made one by one, each gone when the next is made. */
  function* figuresOf(): Iterable<Figures> {
    const none = noFigures();
    for (const slot of slots) {
      yield {
        counts: counts?.get(slot) ?? none.counts,
        bins: binsOf(bins?.get(slot) ?? []),
        money: money?.get(slot) ?? none.money,
        reasons: reasons?.get(slot) ?? none.reasons,
      };
    }
  }
}

// The small form of Figures, which replaces some fifty objects a slot. It buys memory, and with it
// the typical figures of `npm run bench -- query`: a slot takes 140 bytes instead of 1,100, so 20
// operators by hour over 90 days take 6 MB instead of 48. Sums take about as long as those of
// objects. test/unit/answers/packed-figures.test.ts holds them against addCounts, addBins, addSums.
//
// Whole numbers are LEB128 varints (varints.ts). In order: the counts of PACKED_FIELDS; how many
// currencies, and of each its three letters, charges, refunds, charged, refunded; how many bins,
// the first bin, and the messages of each; how many reasons, and of each its number in REASON_NAMES
// and its messages. Exact for numbers of any size.
import { COUNT_FIELDS, noCounts } from '../../domain/measures/counts.js';
import type { Figures } from '../../domain/measures/figures.js';
import type { MoneySums } from '../../domain/measures/money.js';
import { coverBins, noBins } from '../../domain/measures/percentile.js';
import type { Part } from '../../platform/parts.js';
import { Dictionary } from './dictionary.js';
import { ExactSums, VarintReader, VarintWriter } from './varints.js';

/** As many as there ever were in the table of reasons: a few dozen. */
const REASON_NAMES = new Dictionary();

/** Accepted is their sum, without the last two. */
const PACKED_FIELDS = COUNT_FIELDS.slice(1);
const OUTCOME_FIELDS = PACKED_FIELDS.length - 2;
/** charges, refunds, charged, refunded */
const MONEY_FIELDS = 4;

/** Packs some figures side by side: what is read together is remembered together. */
export function packFigures(all: Iterable<Figures>): Part[] {
  writer.length = 0;
  const ends: number[] = [];
  for (const figures of all) {
    writeFigures(figures);
    ends.push(writer.length);
  }
  const slab = writer.bytes();
  return ends.map((end, i) => ({ slab, start: ends[i - 1] ?? 0, end }));
}

function writeFigures({ counts, money, bins, reasons }: Figures): void {
  for (const field of PACKED_FIELDS) writer.bigint(counts[field]);
  writer.number(money.size);
  for (const [currency, sums] of money) {
    writer.letters(currency);
    for (const amount of [sums.charges, sums.refunds, sums.charged, sums.refunded]) {
      writer.bigint(amount);
    }
  }
  writer.number(bins.counts.length);
  writer.number(bins.first);
  for (let i = 0; i < bins.counts.length; i++) writer.number(bins.counts[i] as number);
  writer.number(reasons.size);
  for (const [reason, messages] of reasons) {
    writer.number(REASON_NAMES.numberOf(reason));
    writer.bigint(messages);
  }
}

/** What is packed is copied out of it at once. */
const writer = new VarintWriter();

/** Adds up packed figures. */
export class FigureSums {
  readonly #counts = new ExactSums();
  readonly #money = new Map<string, ExactSums>();
  readonly #reasons = new ExactSums();
  readonly #bins = noBins();

  add(packed: Part): void {
    const reader = new VarintReader(packed);
    for (let i = 0; i < PACKED_FIELDS.length; i++) reader.addTo(this.#counts, i);
    for (let left = reader.number(); left > 0; left--) {
      const currency = reader.code();
      let sums = this.#money.get(currency);
      if (sums === undefined) {
        sums = new ExactSums();
        this.#money.set(currency, sums);
      }
      for (let i = 0; i < MONEY_FIELDS; i++) reader.addTo(sums, i);
    }
    const length = reader.number();
    const first = reader.number();
    if (length > 0) {
      const at = coverBins(this.#bins, first, length);
      reader.addNumbersTo(this.#bins.counts, at, length);
    }
    for (let left = reader.number(); left > 0; left--) {
      reader.addTo(this.#reasons, reader.number());
    }
  }

  /** The sums so far; a snapshot of them but for the bins. */
  figures(): Figures {
    const counts = noCounts();
    for (const [i, field] of PACKED_FIELDS.entries()) {
      counts[field] = this.#counts.value(i);
      if (i < OUTCOME_FIELDS) counts.accepted += counts[field];
    }
    const money = new Map<string, MoneySums>();
    for (const [currency, sums] of this.#money) {
      const [charges, refunds] = [sums.value(0), sums.value(1)];
      money.set(currency, { charges, refunds, charged: sums.value(2), refunded: sums.value(3) });
    }
    const reasons = new Map<string, bigint>();
    for (const reason of this.#reasons.used()) {
      reasons.set(REASON_NAMES.texts[reason] as string, this.#reasons.value(reason));
    }
    return { counts, money, bins: this.#bins, reasons };
  }
}

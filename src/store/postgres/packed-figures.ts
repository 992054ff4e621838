/**
 * Figures as they are remembered: a few hundred bytes instead of some fifty objects for each slot.
 * Whole numbers are LEB128 varints, 7 bits a byte, the lowest first. In order: the counts of
 * COUNT_FIELDS; how many currencies, and of each its three letters, charges, refunds, charged, refunded;
 * how many bins, the first bin, and the messages of each; how many reasons, and of each its number in
 * REASON_NAMES and its messages. Exact for numbers of any size.
 */
import type { Counts } from '../../domain/counts.js';
import { type Figures, noFigures } from '../../domain/figures.js';
import { coverBins } from '../../domain/percentile.js';
import type { Part } from '../../platform/parts.js';
import { Dictionary } from './dictionary.js';

/** As many as there ever were in the table of reasons: a few dozen. */
const REASON_NAMES = new Dictionary();

/** Accepted is their sum, without the last two. */
const COUNT_FIELDS = [
  'pending',
  'delivered',
  'undeliverable',
  'expired',
  'rejected',
  'deleted',
  'unknown',
  'contradicted',
  'segments',
] as const satisfies readonly (keyof Counts)[];
const OUTCOME_FIELDS = COUNT_FIELDS.length - 2;

/** Bytes of a varint that a sum of 2,000 still keeps below 2 ** 53. */
const SHORT = 6;

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
  for (const field of COUNT_FIELDS) writer.bigint(counts[field]);
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

class VarintWriter {
  #buffer = Buffer.allocUnsafeSlow(16 * 1024);
  length = 0;

  bytes(): Buffer {
    const exact = Buffer.allocUnsafeSlow(this.length);
    this.#buffer.copy(exact, 0, 0, this.length);
    return exact;
  }

  /** A whole number, not above 2 ** 53. */
  number(value: number): void {
    this.#reserve();
    let rest = value;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 0x80)) this.#byte((rest % 0x80) | 0x80);
    for (; rest > 0x7f; rest >>>= 7) this.#byte((rest & 0x7f) | 0x80);
    this.#byte(rest);
  }

  bigint(value: bigint): void {
    if (value < 0n) throw new RangeError('a count below zero');
    this.#reserve();
    let rest = value;
    for (; rest > Number.MAX_SAFE_INTEGER; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.number(Number(rest));
  }

  letters(text: string): void {
    this.#reserve();
    this.length += this.#buffer.write(text, this.length, 'latin1');
  }

  #byte(byte: number): void {
    this.#buffer[this.length++] = byte;
  }

  /** Room for the longest number: a sum of numeric(38, 9) takes 18 bytes. */
  #reserve(): void {
    if (this.length + 32 <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * this.#buffer.length);
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}

/** What is packed is copied out of it at once. */
const writer = new VarintWriter();

/** Adds up packed figures. */
export class FigureSums {
  readonly #counts = COUNT_FIELDS.map(() => new ExactSum());
  readonly #money = new Map<string, readonly ExactSum[]>();
  readonly #reasons: ExactSum[] = [];
  readonly #figures = noFigures();

  /** The counts alone, where nothing else is asked for. */
  addCounts(packed: Part): void {
    this.#addCounts(new VarintReader(packed));
  }

  add(packed: Part): void {
    const reader = new VarintReader(packed);
    this.#addCounts(reader);
    for (let left = reader.number(); left > 0; left--) {
      const currency = reader.code();
      let sums = this.#money.get(currency);
      if (sums === undefined) {
        sums = Array.from({ length: 4 }, () => new ExactSum());
        this.#money.set(currency, sums);
      }
      for (const sum of sums) reader.addTo(sum);
    }
    const length = reader.number();
    const first = reader.number();
    if (length > 0) {
      const { bins } = this.#figures;
      const at = coverBins(bins, first, length);
      reader.addNumbersTo(bins.counts, at, length);
    }
    for (let left = reader.number(); left > 0; left--) {
      const reason = reader.number();
      this.#reasons[reason] ??= new ExactSum();
      reader.addTo(this.#reasons[reason]);
    }
  }

  #addCounts(reader: VarintReader): void {
    for (let i = 0; i < COUNT_FIELDS.length; i++) reader.addTo(this.#counts[i] as ExactSum);
  }

  /** The sums so far; a snapshot of them but for the bins. */
  figures(): Figures {
    const counts = { ...this.#figures.counts };
    COUNT_FIELDS.forEach((field, i) => {
      counts[field] = (this.#counts[i] as ExactSum).value();
      if (i < OUTCOME_FIELDS) counts.accepted += counts[field];
    });
    const money = new Map(
      [...this.#money].map(([currency, sums]) => {
        const [charges = 0n, refunds = 0n, charged = 0n, refunded = 0n] = sums.map((sum) =>
          sum.value(),
        );
        return [currency, { charges, refunds, charged, refunded }];
      }),
    );
    const reasons = new Map<string, bigint>();
    this.#reasons.forEach((sum, i) => {
      reasons.set(REASON_NAMES.texts[i] as string, sum.value());
    });
    return { counts, money, bins: this.#figures.bins, reasons };
  }
}

/** A sum of whole numbers of any size, fast while they are small. */
class ExactSum {
  small = 0;
  big = 0n;

  value(): bigint {
    return BigInt(this.small) + this.big;
  }
}

class VarintReader {
  private readonly bytes: Uint8Array;
  #at: number;

  constructor({ slab, start }: Part) {
    this.bytes = slab;
    this.#at = start;
  }

  addTo(sum: ExactSum): void {
    const { bytes } = this;
    let end = this.#at;
    while ((bytes[end] as number) > 0x7f) end++;
    if (end - this.#at < SHORT) sum.small += this.number();
    else sum.big += this.#bigint(end);
  }

  /** Exact up to 2 ** 53. */
  number(): number {
    const { bytes } = this;
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes[this.#at++] as number;
      if (byte < 0x80) return value + byte * unit;
      value += (byte & 0x7f) * unit;
    }
  }

  /** Adds the next `length` numbers to those of `sums` from `at` on. */
  addNumbersTo(sums: Float64Array | number[], at: number, length: number): void {
    for (let i = at; i < at + length; i++) sums[i] = (sums[i] as number) + this.number();
  }

  /** Three letters of ASCII. */
  code(): string {
    const { bytes } = this;
    const at = this.#at;
    this.#at += 3;
    return String.fromCharCode(
      bytes[at] as number,
      bytes[at + 1] as number,
      bytes[at + 2] as number,
    );
  }

  #bigint(end: number): bigint {
    let value = 0n;
    for (let at = end; at >= this.#at; at--) {
      value = (value << 7n) | BigInt((this.bytes[at] as number) & 0x7f);
    }
    this.#at = end + 1;
    return value;
  }
}

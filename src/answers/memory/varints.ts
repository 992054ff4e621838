// Whole numbers of any size as LEB128 varints, 7 bits a byte, the lowest first; and sums of them.
// It replaces bigint and the reader and writer of @bufbuild/protobuf, which stop at 64 bits: sums
// of numeric(38, 9) do not fit. It buys what packed-figures.ts says; the same test holds it.
import type { Part } from '../../platform/parts.js';

/** Bytes of a varint that is added as a number. */
const SHORT = 6;
/** Sums of such numbers are exact up to here, and with one more. */
const MAX_SMALL = 2 ** 52;

export class VarintWriter {
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

  /** Room for the longest number: a sum of numeric(38, 9) takes 19 bytes. */
  #reserve(): void {
    if (this.length + 32 <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * this.#buffer.length);
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}

/** Sums of whole numbers of any size, by index; fast while they are small. */
export class ExactSums {
  readonly #small: number[] = [];
  #big: bigint[] | undefined;

  addSmall(index: number, value: number): void {
    const sum = (this.#small[index] ?? 0) + value;
    this.#small[index] = sum;
    if (sum < MAX_SMALL) return;
    this.#small[index] = 0;
    this.addBig(index, BigInt(sum));
  }

  addBig(index: number, value: bigint): void {
    this.#big ??= [];
    this.#big[index] = (this.#big[index] ?? 0n) + value;
  }

  value(index: number): bigint {
    const small = BigInt(this.#small[index] ?? 0);
    return this.#big === undefined ? small : small + (this.#big[index] ?? 0n);
  }

  /** Of which something was added, ascending. */
  used(): number[] {
    const most = Math.max(this.#small.length, this.#big?.length ?? 0);
    return [...Array(most).keys()].filter((i) => {
      return this.#small[i] !== undefined || this.#big?.[i] !== undefined;
    });
  }
}

export class VarintReader {
  private readonly bytes: Uint8Array;
  #at: number;

  constructor({ slab, start }: Part) {
    this.bytes = slab;
    this.#at = start;
  }

  addTo(sums: ExactSums, index: number): void {
    const { bytes } = this;
    let end = this.#at;
    while ((bytes[end] as number) > 0x7f) end++;
    if (end - this.#at < SHORT) sums.addSmall(index, this.number());
    else sums.addBig(index, this.#bigint(end));
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

// The fast form of a set of ids for each piece of time: one bit for each id. It buys the typical
// GetSummary of `npm run bench -- query`: 500 accounts over 90 pieces are counted in 0.1 ms instead
// of 3.7, and a piece takes 0.6 KB instead of 7. test/unit/answers/remembered-cells.test.ts holds
// it against a Set.
import { type Dictionary, TEXT_BYTES } from './dictionary.js';

/** The active ones of one piece. */
export interface Active {
  readonly dictionary: Dictionary;
  /** Bit n is set where the nth id of the dictionary was active. */
  readonly bits: Uint8Array;
  readonly newTexts: number;
}

/** About what a piece costs in memory. */
export const bytesOfActive = ({ bits, newTexts }: Active) =>
  bits.length + newTexts * TEXT_BYTES + 300;

/** Of some ids; each may come several times. */
export function bitsOf(dictionary: Dictionary, ids: readonly string[]): Active {
  const before = dictionary.texts.length;
  const numbers = ids.map((id) => dictionary.numberOf(id));
  const bits = new Uint8Array((dictionary.texts.length >> 3) + 1);
  for (const number of numbers)
    bits[number >> 3] = (bits[number >> 3] as number) | (1 << (number & 7));
  return { dictionary, bits, newTexts: dictionary.texts.length - before };
}

/**
 * Whoever was active in any of some pieces; undefined where they know the ids by different numbers.
 */
export function unionOf(pieces: readonly Active[]): Active | undefined {
  const [dictionary, ...others] = new Set(pieces.map((piece) => piece.dictionary));
  if (dictionary === undefined || others.length > 0) return undefined;
  const bits = new Uint8Array(Math.max(...pieces.map((piece) => piece.bits.length)));
  for (const piece of pieces) addBits(bits, piece.bits);
  return { dictionary, bits, newTexts: 0 };
}

function addBits(bits: Uint8Array, more: Uint8Array): void {
  for (let i = 0; i < more.length; i++) bits[i] = (bits[i] as number) | (more[i] as number);
}

/** How many different ids some pieces have. */
export function countActive(pieces: readonly Active[]): bigint {
  const union = unionsOf(pieces);
  const [only, ...others] = union;
  if (only === undefined) return 0n;
  if (others.length === 0) return BigInt(countBits(only[1]));
  // Two dictionaries know the same id by two numbers.
  return BigInt(idsIn(union).size);
}

/** The different ids of some pieces. */
export function activeIds(pieces: readonly Active[]): Set<string> {
  return idsIn(unionsOf(pieces));
}

function unionsOf(pieces: readonly Active[]): Map<Dictionary, Uint8Array> {
  const union = new Map<Dictionary, Uint8Array>();
  for (const { dictionary, bits } of pieces) {
    let own = union.get(dictionary);
    if (own === undefined) {
      own = new Uint8Array((dictionary.texts.length >> 3) + 1);
      union.set(dictionary, own);
    }
    addBits(own, bits);
  }
  return union;
}

function idsIn(union: ReadonlyMap<Dictionary, Uint8Array>): Set<string> {
  const ids = new Set<string>();
  for (const [{ texts }, bits] of union) {
    texts.forEach((id, n) => {
      if (((bits[n >> 3] as number) >> (n & 7)) & 1) ids.add(id);
    });
  }
  return ids;
}

function countBits(bits: Uint8Array): number {
  let count = 0;
  for (let byte of bits) for (; byte !== 0; byte &= byte - 1) count++;
  return count;
}

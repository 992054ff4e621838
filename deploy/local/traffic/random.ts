// Random numbers for the demo traffic: a small keyed generator (sfc32), so that any second of any
// seed can be produced again without producing what came before it. Not for secrets.

/** A stream of draws; two streams with equal keys are equal. */
export interface Random {
  /** 32 uniform bits as an unsigned integer. */
  bits(): number;
  /** Uniform in [0, 1). */
  unit(): number;
  /** Uniform integer in [low, high]. */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** Log-normal with this median; sigma is that of the logarithm. */
  logNormal(median: number, sigma: number): number;
  /** One of the items, by weight; the weights' sum need not be 1. */
  weighted<T extends { readonly weight: number }>(items: readonly T[]): T;
}

/** Mixes the key's numbers (each taken modulo 2^53) into one stream. */
export function random(...key: readonly number[]): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  const bits = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (const part of key) {
    a ^= part >>> 0;
    b ^= Math.floor(part / 4294967296) >>> 0;
    for (let round = 0; round < 12; round += 1) bits();
  }
  const unit = (): number => (bits() * 2097152 + (bits() >>> 11)) / 9007199254740992;
  return {
    bits,
    unit,
    between: (low, high) => low + Math.floor(unit() * (high - low + 1)),
    chance: (probability) => unit() < probability,
    logNormal: (median, sigma) => median * Math.exp(sigma * standardNormal(unit)),
    weighted: (items) => pick(items, unit()),
  };
}

/** Box and Muller's method, one of its two values. */
function standardNormal(unit: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - unit()));
  return radius * Math.cos(2 * Math.PI * unit());
}

function pick<T extends { readonly weight: number }>(items: readonly T[], at: number): T {
  let rest = at * items.reduce((sum, item) => sum + item.weight, 0);
  for (const item of items) {
    rest -= item.weight;
    if (rest < 0) return item;
  }
  const last = items.at(-1);
  if (last === undefined) throw new Error('nothing to choose from');
  return last;
}

/** A version 7 UUID (RFC 9562) of this millisecond, its other bits drawn from the stream. */
export function uuidV7(atMillis: number, stream: Random): string {
  const time = atMillis.toString(16).padStart(12, '0');
  const one = (0x7000 | (stream.bits() & 0x0fff)).toString(16);
  const two = (0x8000 | (stream.bits() & 0x3fff)).toString(16);
  const tail = hex(stream.bits(), 8) + hex(stream.bits() & 0xffff, 4);
  return `${time.slice(0, 8)}-${time.slice(8)}-${one}-${two}-${tail}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

// Small pieces of memory that are kept long. A buffer of its own costs more than the hundred bytes
// that are in it, and one of Node's pool keeps the 8 KiB of the pool alive; so pieces that are made
// together stand side by side in one slab, and what is copied out again is copied slab by slab. A
// slab lives as long as any of its parts.

/** The bytes of `slab` from `start` to before `end`; not to be changed. */
export interface Part {
  readonly slab: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** All of some bytes. */
export function partOf(bytes: Uint8Array): Part {
  return { slab: bytes, start: 0, end: bytes.length };
}

/** How many bytes some parts have. */
export function sizeOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The parts one after the other, as one buffer that nothing else shares. */
export function joined(parts: readonly Part[]): Buffer {
  const whole = Buffer.allocUnsafeSlow(sizeOf(parts));
  let at = 0;
  for (let i = 0; i < parts.length; ) {
    const { slab, start } = parts[i] as Part;
    let { end } = parts[i] as Part;
    // Parts that stand side by side are copied at once.
    for (i++; parts[i]?.slab === slab && parts[i]?.start === end; i++)
      end = parts[i]?.end as number;
    whole.set(start === 0 && end === slab.length ? slab : slab.subarray(start, end), at);
    at += end - start;
  }
  return whole;
}

/** Copies of the parts, side by side in a slab of their own. */
export function sideBySide(parts: readonly Part[]): Part[] {
  const slab = joined(parts);
  let at = 0;
  return parts.map(({ start, end }) => {
    at += end - start;
    return { slab, start: at - (end - start), end: at };
  });
}

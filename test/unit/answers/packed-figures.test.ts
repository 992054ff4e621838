// Figures as they are remembered: what was packed comes out again, and sums of packed figures are
// sums of figures, to the last unit, also where a floating-point number has none left.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FigureSums, packFigures } from '../../../src/answers/memory/packed-figures.js';
import { addCounts, type Counts, noCounts } from '../../../src/domain/measures/counts.js';
import { type Figures, noFigures } from '../../../src/domain/measures/figures.js';
import { addSums } from '../../../src/domain/measures/money.js';
import { addBins } from '../../../src/domain/measures/percentile.js';
import type { Part } from '../../../src/platform/parts.js';

/** Whole numbers of every length up to 80 bits, most of them short. */
const whole = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.integer({ min: 0, max: 80 }).chain((bits) => fc.bigInt({ min: 0n, max: 1n << BigInt(bits) })),
);
const outcomes = {
  pending: whole,
  delivered: whole,
  undeliverable: whole,
  expired: whole,
  rejected: whole,
  deleted: whole,
  unknown: whole,
};
const counts = fc
  .record({ ...outcomes, contradicted: whole, segments: whole })
  .map((fields): Counts => {
    const { contradicted: _contradicted, segments: _segments, ...each } = fields;
    return { ...fields, accepted: Object.values(each).reduce((sum, one) => sum + one, 0n) };
  });
const money = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom('EUR', 'USD', 'JPY', 'XAU'),
      fc.record({ charges: whole, refunds: whole, charged: whole, refunded: whole }),
    ),
    { selector: ([currency]) => currency },
  )
  .map((entries) => new Map(entries));
/** A hundred of them stay below 2 ** 53, up to which bins are exact. */
const bins = fc.record({
  first: fc.integer({ min: 0, max: 500 }),
  counts: fc
    .array(fc.integer({ min: 0, max: 2 ** 46 }), { maxLength: 30 })
    .map((list) => Float64Array.from(list)),
});
const reasons = fc
  .uniqueArray(fc.tuple(fc.constantFrom('NO_CODE', 'UNMAPPED', 'THROTTLED'), whole), {
    selector: ([reason]) => reason,
  })
  .map((entries) => new Map(entries));
const anyFigures: fc.Arbitrary<Figures> = fc.record({ counts, money, bins, reasons });

/** Without what does not matter: where the array of bins begins and ends. */
function plain({ counts: all, money: sums, bins: { first, counts: messages }, reasons }: Figures) {
  const used = [...messages].map((n, i) => [first + i, n] as const).filter(([, n]) => n !== 0);
  return { all, money: sums, bins: used, reasons };
}

function unpacked(packed: readonly Part[]): Figures {
  const sums = new FigureSums();
  for (const one of packed) sums.add(one);
  return sums.figures();
}

describe('packed figures', () => {
  it('come out as they were packed', () => {
    fc.assert(
      fc.property(anyFigures, (figures) => {
        expect(plain(unpacked(packFigures([figures])))).toEqual(plain(figures));
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  it('add up to what figures add up to', () => {
    fc.assert(
      fc.property(fc.array(anyFigures, { maxLength: 40 }), (list) => {
        const reasons = new Map<string, bigint>();
        const sum = { ...noFigures(), reasons };
        for (const figures of list) {
          for (const [reason, messages] of figures.reasons) {
            reasons.set(reason, (reasons.get(reason) ?? 0n) + messages);
          }
          addCounts(sum.counts, figures.counts);
          addBins(sum.bins, figures.bins);
          for (const [currency, sums] of figures.money) addSums(sum.money, { currency, ...sums });
        }
        expect(plain(unpacked(packFigures(list)))).toEqual(plain(sum));
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('add up exactly above 2 ** 53', () => {
    // 2,000 times 2 ** 42 - 1 is the most that short numbers make together; 2 ** 53 + 1 is no
    // double any more.
    const short = 2n ** 42n - 1n;
    const of = (segments: bigint) =>
      packFigures([{ ...noFigures(), counts: { ...noCounts(), segments } }])[0] as Part;
    const list = Array.from({ length: 2_000 }, () => of(short));
    expect(unpacked(list).counts.segments).toBe(2_000n * short);
    const large = [of(2n ** 53n + 1n), of(1n), of(2n ** 53n + 1n), ...list];
    expect(unpacked(large).counts.segments).toBe(2n ** 54n + 3n + 2_000n * short);
  });

  it('add up exactly however many short numbers there are', () => {
    const short = 2n ** 42n - 1n;
    const [one] = packFigures([{ ...noFigures(), counts: { ...noCounts(), segments: short } }]);
    const sum = unpacked(Array.from({ length: 5_000 }, () => one as Part));
    expect(sum.counts.segments).toBe(5_000n * short);
  });

  it('are never of counts below zero', () => {
    const counted = { ...noCounts(), segments: -1n };
    expect(() => packFigures([{ ...noFigures(), counts: counted }])).toThrow(RangeError);
  });
});

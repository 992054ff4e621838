// The version of a range of days: the sum of theirs, so that it is the same if and only if none of
// them has changed.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DayVersions } from '../../../src/answers/freshness/look.js';
import { MICROS_PER_DAY, MICROS_PER_MINUTE } from '../../../src/domain/time/instant.js';

const FIRST_DAY = 20_500;
const versions = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 2 ** 40 })),
  { maxLength: 20 },
);
/** In quarter hours from some days before the first to some days after the last. */
const range = fc
  .tuple(fc.integer({ min: -300, max: 3_200 }), fc.integer({ min: 1, max: 1_000 }))
  .map(([from, length]) => {
    const at = (quarters: number) => FIRST_DAY * MICROS_PER_DAY + quarters * 15 * MICROS_PER_MINUTE;
    return [at(from), at(from + length)] as const;
  });

/** Sorted by day, each day once. */
const sorted = (known: ReadonlyMap<number, number>) =>
  [...known].sort(([left], [right]) => left - right);

const versionsOf = (known: ReadonlyMap<number, number>) =>
  new DayVersions(
    sorted(known).map(([day]) => FIRST_DAY + day),
    sorted(known).map(([, version]) => version),
  );

it('is the sum over the days that the range touches', () => {
  fc.assert(
    fc.property(versions, range, (entries, [from, to]) => {
      const known = new Map(entries);
      const touched = [...known].filter(([day]) => {
        const start = (FIRST_DAY + day) * MICROS_PER_DAY;
        return start < to && start + MICROS_PER_DAY > from;
      });
      const sum = touched.reduce((all, [, version]) => all + version, 0);
      expect(versionsOf(known).of(from, to)).toBe(sum);
    }),
    { seed: 6, numRuns: 1_000 },
  );
});

it('does not touch the day that begins where the range ends', () => {
  const days = new DayVersions([10, 11, 12], [1, 20, 300]);
  expect(days.of(11 * MICROS_PER_DAY, 12 * MICROS_PER_DAY)).toBe(20);
  expect(days.of(11 * MICROS_PER_DAY - 1, 12 * MICROS_PER_DAY)).toBe(21);
  expect(days.of(11 * MICROS_PER_DAY, 12 * MICROS_PER_DAY + 1)).toBe(320);
});

it('grows with every change of a day in the range', () => {
  fc.assert(
    fc.property(versions, range, fc.integer({ min: 0, max: 30 }), (entries, [from, to], day) => {
      const before = new Map(entries);
      const after = new Map(entries).set(day, (before.get(day) ?? 0) + 1);
      const start = (FIRST_DAY + day) * MICROS_PER_DAY;
      const touches = start < to && start + MICROS_PER_DAY > from;
      const grown = versionsOf(after).of(from, to) - versionsOf(before).of(from, to);
      expect(grown).toBe(touches ? 1 : 0);
    }),
    { seed: 6, numRuns: 1_000 },
  );
});

it('is 0 where no day has a version', () => {
  expect(new DayVersions([], []).of(0, MICROS_PER_DAY)).toBe(0);
});

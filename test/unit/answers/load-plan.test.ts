// What is read where something is not remembered, as a plan: nothing is read here. Times are hours
// of 1970; blocks of eight days begin at hour 0, 192, 384.
import { describe, expect, it } from 'vitest';
import {
  type LoadPlan,
  loadKey,
  planLoad,
  seriesAtOnce,
  withoutKnown,
} from '../../../src/answers/memory/load-plan.js';
import { MICROS_PER_HOUR } from '../../../src/domain/time/instant.js';
import { slotsOf } from '../../../src/rollups/slots.js';

/** Slots between some hours. */
const between = (...hours: number[]) =>
  slotsOf({ edges: hours.map((hour) => hour * MICROS_PER_HOUR), settledThrough: 0 });

/** The wanted slots of a plan, each as its first and its last hour. */
const wantedOf = (plan: LoadPlan | undefined) =>
  plan?.wanted.map((i) =>
    [plan.edges[i], plan.edges[i + 1]].map((edge) => (edge as number) / MICROS_PER_HOUR),
  );

/** `count` slots of `size` hours each, from hour `first` on. */
const inARow = (first: number, size: number, count: number) =>
  Array.from({ length: count }, (_, i) => [first + i * size, first + (i + 1) * size]);

describe('a plan', () => {
  it('is none where nothing is missing', () => {
    expect(planLoad(between(0, 1, 2), new Map([['a', []]]), true)).toBeUndefined();
    expect(planLoad(between(0, 1, 2), new Map(), true)).toBeUndefined();
  });

  it('reads an hour with all hours of its eight days', () => {
    const plan = planLoad(between(200, 201, 202), new Map([['a', [1]]]), true);
    expect(wantedOf(plan)).toEqual(inARow(192, 1, 192));
  });

  it('reads a day with the days of its block that begin at the same time', () => {
    const plan = planLoad(between(192 + 23, 192 + 47), new Map([['a', [0]]]), true);
    expect(wantedOf(plan)).toEqual(inARow(192 + 23, 24, 8));
  });

  it('reads one block once, and each block that anything is missing of', () => {
    const hours = Array.from({ length: 5 }, (_, i) => 190 + i);
    const plan = planLoad(between(...hours), new Map([['a', [0, 1, 2, 3]]]), true);
    expect(wantedOf(plan)).toEqual(inARow(0, 1, 384));
  });

  it('reads hours before days, which are made of them', () => {
    const slots = between(0, 24, 25, 26);
    expect(wantedOf(planLoad(slots, new Map([['a', [0, 1, 2]]]), true))).toEqual(inARow(0, 1, 192));
    expect(wantedOf(planLoad(slots, new Map([['a', [0]]]), true))).toEqual(inARow(0, 24, 8));
  });

  it('reads other lengths together and nothing around them', () => {
    const slots = between(0.25, 0.5, 1, 3, 4);
    const plan = planLoad(slots, new Map([['a', [0, 1, 2, 3]]]), true);
    expect(wantedOf(plan)).toEqual([
      [0.25, 0.5],
      [0.5, 1],
      [1, 3],
    ]);
  });

  it('reads what is asked for alone where nothing is kept', () => {
    const plan = planLoad(between(10, 11, 12, 13), new Map([['a', [0, 2]]]), false);
    expect(wantedOf(plan)).toEqual([
      [10, 11],
      [12, 13],
    ]);
  });

  it('is for the series that lack anything of this part', () => {
    const slots = between(0, 24, 25, 26);
    const missing = new Map([
      ['knows all', []],
      ['lacks the day', [0]],
      ['lacks an hour', [2]],
      ['lacks both', [0, 1]],
    ]);
    expect(planLoad(slots, missing, true)?.series).toEqual(['lacks an hour', 'lacks both']);
  });

  it('leaves out what every series knows, and only that', () => {
    const plan = planLoad(
      between(0, 1),
      new Map([
        ['a', [0]],
        ['b', [0]],
      ]),
      true,
    ) as LoadPlan;
    const known = (places: readonly number[]) =>
      plan.edges.slice(1).map((_, i) => (places.includes(i) ? 'known' : undefined));
    const rest = withoutKnown(plan, [known([1, 2, 3]), known([2, 3, 4])]);
    expect(plan.wanted).toHaveLength(192);
    expect(rest.wanted).toEqual(plan.wanted.filter((i) => i !== 2 && i !== 3));
  });

  it('reads 500 values in one statement, and one series at least', () => {
    const series = Array.from({ length: 5 }, (_, i) => `s${i}`);
    const of = (wanted: number) =>
      seriesAtOnce({ series, edges: [], wanted: [...new Array(wanted).keys()] });
    expect(of(192)).toEqual([['s0', 's1'], ['s2', 's3'], ['s4']]);
    expect(of(100)).toEqual([series]);
    expect(of(501)).toEqual(series.map((one) => [one]));
  });
});

describe('two reads have one key', () => {
  const hour = (from: number, size = 1) => {
    return { from: from * MICROS_PER_HOUR, to: (from + size) * MICROS_PER_HOUR };
  };
  const key = loadKey('figures', 'a', hour(192));

  it('where they read the same block of the same series', () => {
    expect(loadKey('figures', 'a', hour(383))).toBe(key);
  });

  it('and another one for another block, length, series or kind', () => {
    const others = [
      loadKey('figures', 'a', hour(384)),
      loadKey('figures', 'a', hour(192, 24)),
      loadKey('figures', 'b', hour(192)),
      loadKey('reasons', 'a', hour(192)),
    ];
    expect(new Set([key, ...others]).size).toBe(5);
  });
});

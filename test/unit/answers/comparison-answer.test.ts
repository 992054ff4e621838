// What an answer says of the counts and the money of two periods.
import { expect, it } from 'vitest';
import { comparisonOf } from '../../../src/answers/question/comparison-answer.js';
import type { Counts } from '../../../src/domain/measures/counts.js';
import { type Figures, noFigures } from '../../../src/domain/measures/figures.js';
import type { MoneySums } from '../../../src/domain/measures/money.js';
import type { Comparison } from '../../../src/generated/proto/sms/analytics/v1/common.js';

const QUARTER = 900_000_000;

const NOTHING: MoneySums = { charges: 0n, refunds: 0n, charged: 0n, refunded: 0n };
const charged = (charge: bigint): MoneySums => ({ ...NOTHING, charges: 1n, charged: charge });
const figuresOf = (money: Record<string, MoneySums>): Figures => ({
  ...noFigures(),
  money: new Map(Object.entries(money)),
});

/** Of the first of two quarters of an hour with the one before. */
function compared(then: Figures, now: Figures): Comparison {
  const slots = { generation: 1, settledThrough: 0, slotsBeforeCut: 1 };
  const current = { ...slots, edges: [QUARTER, 2 * QUARTER, 3 * QUARTER] };
  const earlier = { ...slots, edges: [0, QUARTER], bucketEdges: [0, QUARTER] };
  const periods = { current: { ...current, bucketEdges: [QUARTER, 3 * QUARTER] }, earlier };
  return comparisonOf(periods, 'UTC', then, now) as Comparison;
}

it('says where the current period was cut, and nothing where there is no earlier one', () => {
  const { currentEnd, effectiveRange } = compared(figuresOf({}), figuresOf({}));
  expect(currentEnd).toEqual({ seconds: 1800n, nanos: 0 });
  expect(effectiveRange?.end).toEqual({ seconds: 900n, nanos: 0 });
  const edges = [0, QUARTER];
  const slots = { generation: 1, settledThrough: 0, edges, bucketEdges: edges, slotsBeforeCut: 1 };
  const alone = { current: slots, earlier: undefined };
  expect(comparisonOf(alone, 'UTC', undefined, noFigures())).toBeUndefined();
});

it('compares the currencies with a charge or a refund, not those that displaced charges have left', () => {
  // EUR from 2 to 3 is 50 % more; USD came to be, JPY went, and of XAU both periods have sums of
  // nothing only.
  const earlier = figuresOf({ XAU: NOTHING, JPY: charged(4n), EUR: charged(2n) });
  const current = figuresOf({ XAU: NOTHING, JPY: NOTHING, EUR: charged(3n), USD: charged(1n) });
  const { changes, money } = compared(earlier, current);
  expect(money.map(({ currency }) => currency)).toEqual(['EUR', 'JPY']);
  expect(changes?.money).toEqual([
    { currency: 'EUR', chargedPercent: 50, netPercent: 50 },
    { currency: 'JPY', chargedPercent: -100, netPercent: -100 },
    { currency: 'USD', chargedPercent: undefined, netPercent: undefined },
  ]);
});

it('tells for every count by how many per cent it differs, and nothing where there was none before', () => {
  const counts = (all: bigint, others: Partial<Counts>): Figures => {
    const parts = { delivered: all, undeliverable: all, expired: all, rejected: all };
    const rest = { deleted: all, unknown: all, contradicted: all, segments: all };
    return {
      ...noFigures(),
      counts: { accepted: all, pending: all, ...parts, ...rest, ...others },
    };
  };
  const earlier = counts(200n, { pending: 0n, segments: 400n, unknown: 100n });
  const current = counts(150n, { pending: 7n, deleted: 0n, contradicted: 300n });
  const { changes } = compared(earlier, current);
  expect(changes).toMatchObject({
    acceptedPercent: -25,
    pendingPercent: undefined,
    deliveredPercent: -25,
    undeliverablePercent: -25,
    expiredPercent: -25,
    rejectedPercent: -25,
    deletedPercent: -100,
    unknownPercent: 50,
    contradictedPercent: 50,
    segmentsPercent: -62.5,
  });
});

// The earlier period of an answer, and what has changed since.

import type { Counts } from '../../domain/measures/counts.js';
import type { Figures } from '../../domain/measures/figures.js';
import { isMoney, type MoneyByCurrency, netOf } from '../../domain/measures/money.js';
import { percentilesOf } from '../../domain/measures/percentile.js';
import { ratesOf } from '../../domain/measures/rates.js';
import { percentChange, pointsChange } from '../../domain/time/comparison.js';
import type { EpochMicros } from '../../domain/time/instant.js';
import type {
  Changes,
  Comparison,
  MoneyChange,
} from '../../generated/proto/sms/analytics/v1/common.js';
import {
  countsAndRates,
  effectiveRangeOf,
  latencyOf,
  moneyOf,
  timestampOf,
} from '../wire/answer-parts.js';
import { bucketAt, type Periods } from './periods.js';

type Compared = Omit<Figures, 'reasons'>;

/**
 * `now`, of the compared part of the current period, held against `then`; undefined where there is
 * no earlier period.
 */
export function comparisonOf(
  { current, earlier }: Periods,
  timeZone: string,
  then: Compared | undefined,
  now: Compared,
): Comparison | undefined {
  if (earlier === undefined || then === undefined) return undefined;
  return {
    effectiveRange: effectiveRangeOf(bucketAt(earlier, 0), timeZone),
    ...countsAndRates(then.counts),
    latency: latencyOf(percentilesOf(then.bins)),
    money: moneyOf(then.money, then.counts.delivered),
    changes: changesOf(now, then),
    currentEnd: timestampOf(current.edges[current.slotsBeforeCut] as EpochMicros),
  };
}

function changesOf(current: Compared, earlier: Compared): Changes {
  const [rates, before] = [ratesOf(current.counts), ratesOf(earlier.counts)];
  const median = percentilesOf(current.bins)?.p50;
  const medianBefore = percentilesOf(earlier.bins)?.p50;
  const percent = (field: keyof Counts) =>
    percentChange(current.counts[field], earlier.counts[field]);
  return {
    acceptedPercent: percent('accepted'),
    pendingPercent: percent('pending'),
    deliveredPercent: percent('delivered'),
    undeliverablePercent: percent('undeliverable'),
    expiredPercent: percent('expired'),
    rejectedPercent: percent('rejected'),
    deletedPercent: percent('deleted'),
    unknownPercent: percent('unknown'),
    contradictedPercent: percent('contradicted'),
    segmentsPercent: percent('segments'),
    deliveryRatePoints: pointsChange(rates.deliveryRate, before.deliveryRate),
    settledDeliveryRatePoints: pointsChange(rates.settledDeliveryRate, before.settledDeliveryRate),
    failureRatePoints: pointsChange(rates.failureRate, before.failureRate),
    receiptCoveragePoints: pointsChange(rates.receiptCoverage, before.receiptCoverage),
    latencyP50Percent:
      median === undefined || !medianBefore
        ? undefined
        : ((median - medianBefore) / medianBefore) * 100,
    money: moneyChanges(current.money, earlier.money),
  };
}

/** One entry for each currency with a charge or a refund in either period, ordered by code. */
function moneyChanges(current: MoneyByCurrency, earlier: MoneyByCurrency): MoneyChange[] {
  const none = { charges: 0n, refunds: 0n, charged: 0n, refunded: 0n };
  const real = [...current, ...earlier].filter(([, sums]) => isMoney(sums));
  return [...new Set(real.map(([currency]) => currency))].sort().map((currency) => {
    const now = current.get(currency) ?? none;
    const before = earlier.get(currency) ?? none;
    return {
      currency,
      chargedPercent: percentChange(now.charged, before.charged),
      netPercent: percentChange(netOf(now), netOf(before)),
    };
  });
}

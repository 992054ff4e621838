/** The earlier period of an answer, and what has changed since. */
import type { InstantRange } from '../domain/calendar.js';
import { percentChange, pointsChange } from '../domain/comparison.js';
import type { Counts } from '../domain/counts.js';
import type { Figures } from '../domain/figures.js';
import { type MoneyByCurrency, netOf } from '../domain/money.js';
import { percentilesOf } from '../domain/percentile.js';
import { ratesOf } from '../domain/rates.js';
import type {
  Changes,
  Comparison,
  MoneyChange,
} from '../generated/proto/sms/analytics/v1/common.js';
import { countsAndRates, effectiveRangeOf, isMoney, latencyOf, moneyOf } from './answer-parts.js';

type Compared = Omit<Figures, 'reasons'>;

/** `current` held against `earlier`, which was counted over `period`. */
export function comparisonOf(
  period: InstantRange,
  timeZone: string,
  earlier: Compared,
  current: Compared,
): Comparison {
  return {
    effectiveRange: effectiveRangeOf(period, timeZone),
    ...countsAndRates(earlier.counts),
    latency: latencyOf(percentilesOf(earlier.bins)),
    money: moneyOf(earlier.money, earlier.counts.delivered),
    changes: changesOf(current, earlier),
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

// The oracle's figures over a plain list of messages, charges and refunds: counts, rates, latency,
// money, flows, and what changed (contract, section 3). Loops and bigints; nothing is kept between
// two calls.

import type {
  Changes,
  Counts,
  Latency,
  Money,
  Rate,
  Rates,
} from '../../src/generated/proto/sms/analytics/v1/common.js';
import type { Span } from './calendar.js';
import type { Ledger, Message } from './ledger.js';

const MINUTE = 60_000_000;
const QUARTER = 15 * MINUTE;

/** The messages as they are answered: what is pending in a settled cell is UNKNOWN. */
export function answered(messages: readonly Message[], settledThrough: number): Message[] {
  return messages.map((message) => {
    const cellEnd = Math.floor(message.acceptedAt / QUARTER) * QUARTER + QUARTER;
    if (message.outcome !== 'PENDING' || cellEnd > settledThrough) return message;
    return { ...message, outcome: 'UNKNOWN', reason: 'NO_RECEIPT' };
  });
}

/** Those accepted in the span. */
export function acceptedIn(messages: readonly Message[], span: Span): Message[] {
  return messages.filter(({ acceptedAt }) => acceptedAt >= span.start && acceptedAt < span.end);
}

export function countsOf(messages: readonly Message[]): Counts {
  const of = (outcome: string) => count(messages, (message) => message.outcome === outcome);
  return {
    accepted: BigInt(messages.length),
    pending: of('PENDING'),
    delivered: of('DELIVERED'),
    undeliverable: of('UNDELIVERABLE'),
    expired: of('EXPIRED'),
    rejected: of('REJECTED'),
    deleted: of('DELETED'),
    unknown: of('UNKNOWN'),
    contradicted: count(messages, (message) => message.contradicted),
    segments: segmentsOf(messages),
  };
}

export function segmentsOf(messages: readonly Message[]): bigint {
  return BigInt(messages.reduce((sum, message) => sum + message.segments, 0));
}

function count(messages: readonly Message[], which: (message: Message) => boolean): bigint {
  return BigInt(messages.filter(which).length);
}

/**
 * With Wilson's interval in its textbook form; undefined where there is nothing to be a share of.
 */
export function rateOf(numerator: bigint, denominator: bigint): Rate | undefined {
  if (denominator === 0n) return undefined;
  const z = 1.959963984540054;
  const n = Number(denominator);
  const p = Number(numerator) / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((p * (1 - p) + (z * z) / (4 * n)) / n)) / (1 + (z * z) / n);
  return {
    numerator,
    denominator,
    value: p,
    wilsonLow: middle - half,
    wilsonHigh: middle + half,
    lowSample: n < 30,
  };
}

export function ratesOf(counts: Counts): Rates {
  const failed = counts.undeliverable + counts.expired + counts.rejected + counts.deleted;
  return {
    deliveryRate: rateOf(counts.delivered, counts.accepted),
    settledDeliveryRate: rateOf(counts.delivered, counts.accepted - counts.pending),
    failureRate: rateOf(failed, counts.accepted),
    receiptCoverage: rateOf(counts.delivered + failed, counts.accepted),
  };
}

/** Exact, by nearest rank. */
export function latencyOf(messages: readonly Message[]): Latency | undefined {
  const sorted = messages
    .flatMap(({ latency }) => (latency === undefined ? [] : [latency]))
    .sort((one, other) => one - other);
  if (sorted.length === 0) return undefined;
  const at = (percent: number) => {
    const rank = Math.ceil((percent * sorted.length) / 100);
    const latency = sorted[Math.max(rank, 1) - 1] ?? 0;
    const seconds = Math.floor(latency / 1e6);
    return { seconds: BigInt(seconds), nanos: (latency - seconds * 1e6) * 1000 };
  };
  return {
    delivered: BigInt(sorted.length),
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
  };
}

/** One total per currency, ordered by code. */
export function moneyOf(ledger: Ledger, span: Span, delivered: bigint): Money[] {
  const within = (at: number) => at >= span.start && at < span.end;
  const charges = ledger.charges.filter((charge) => within(charge.chargedAt));
  const refunds = ledger.refunds.filter((refund) => within(refund.refundedAt));
  const currencies = [...new Set([...charges, ...refunds].map(({ currency }) => currency))].sort();
  return currencies.map((currency) => {
    const mine = charges.filter((charge) => charge.currency === currency);
    const back = refunds.filter((refund) => refund.currency === currency);
    const charged = mine.reduce((sum, { nanos }) => sum + nanos, 0n);
    const refunded = back.reduce((sum, { nanos }) => sum + nanos, 0n);
    const net = charged - refunded;
    return {
      currency,
      charges: BigInt(mine.length),
      refunds: BigInt(back.length),
      charged: decimal(charged),
      refunded: decimal(refunded),
      net: decimal(net),
      netPerDelivered: delivered === 0n ? undefined : decimal(halfEven(net, delivered)),
    };
  });
}

/** `1.5` for 1,500,000,000 units of 1e-9. */
export function decimal(nanos: bigint): string {
  const digits = String(nanos < 0n ? -nanos : nanos).padStart(10, '0');
  return `${nanos < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

function halfEven(numerator: bigint, denominator: bigint): bigint {
  const size = numerator < 0n ? -numerator : numerator;
  const floor = size / denominator;
  const twice = 2n * (size - floor * denominator);
  const up = twice > denominator || (twice === denominator && floor % 2n === 1n);
  const rounded = up ? floor + 1n : floor;
  return numerator < 0n ? -rounded : rounded;
}

/** What is compared with an earlier period. */
export interface Period {
  readonly counts: Counts;
  readonly rates: Rates;
  readonly latency: Latency | undefined;
  readonly money: readonly Money[];
}

export function changesOf(now: Period, then: Period): Changes {
  const points = (rate: keyof Omit<Rates, '_unknownFields'>) => {
    const [after, before] = [now.rates[rate], then.rates[rate]];
    return after && before ? (after.value - before.value) * 100 : undefined;
  };
  const percentOf = (count: keyof Omit<Counts, '_unknownFields'>) =>
    percent(now.counts[count], then.counts[count]);
  const currencies = [
    ...new Set([...now.money, ...then.money].map((money) => money.currency)),
  ].sort();
  return {
    acceptedPercent: percentOf('accepted'),
    pendingPercent: percentOf('pending'),
    deliveredPercent: percentOf('delivered'),
    undeliverablePercent: percentOf('undeliverable'),
    expiredPercent: percentOf('expired'),
    rejectedPercent: percentOf('rejected'),
    deletedPercent: percentOf('deleted'),
    unknownPercent: percentOf('unknown'),
    contradictedPercent: percentOf('contradicted'),
    segmentsPercent: percentOf('segments'),
    deliveryRatePoints: points('deliveryRate'),
    settledDeliveryRatePoints: points('settledDeliveryRate'),
    failureRatePoints: points('failureRate'),
    receiptCoveragePoints: points('receiptCoverage'),
    latencyP50Percent: medianPercent(now.latency, then.latency),
    money: currencies.map((currency) => {
      const after = now.money.find((money) => money.currency === currency);
      const before = then.money.find((money) => money.currency === currency);
      return {
        currency,
        chargedPercent: percent(units(after?.charged ?? '0'), units(before?.charged ?? '0')),
        netPercent: percent(units(after?.net ?? '0'), units(before?.net ?? '0')),
      };
    }),
  };
}

function percent(now: bigint, then: bigint): number | undefined {
  return then === 0n ? undefined : (Number(now - then) / Math.abs(Number(then))) * 100;
}

/** Absent where either median is, or the earlier one is 0. */
function medianPercent(now: Latency | undefined, then: Latency | undefined): number | undefined {
  if (now === undefined || then === undefined) return undefined;
  const [after, before] = [microsOf(now.p50), microsOf(then.p50)];
  return before === 0 ? undefined : (after / before - 1) * 100;
}

/** Units of 1e-9 of a decimal text. */
export function units(text: string): bigint {
  const [whole = '0', decimals = ''] = text.replace('-', '').split('.');
  const size = BigInt(whole) * 1_000_000_000n + BigInt(decimals.padEnd(9, '0'));
  return text.startsWith('-') ? -size : size;
}

/**
 * Instants in this span, busiest minute and mean, in the whole minutes up to `openAt`, data_as_of.
 */
export function flowOf(instants: readonly number[], span: Span, openAt: number) {
  const within = instants.filter((at) => at >= span.start && at < span.end);
  const perMinute = new Map<number, number>();
  for (const at of within) {
    const minute = Math.floor(at / MINUTE) * MINUTE;
    perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
  }
  const peak = Math.max(0, ...perMinute.values());
  const peakAt = Math.min(...[...perMinute].filter(([, n]) => n === peak).map(([at]) => at));
  const elapsedTo = Math.min(span.end, Math.floor(openAt / MINUTE) * MINUTE);
  const seconds = (elapsedTo - span.start) / 1e6;
  const elapsed = within.filter((at) => at < elapsedTo);
  return {
    messages: BigInt(within.length),
    tpsAvg: seconds > 0 ? elapsed.length / seconds : undefined,
    tpsPeak: peak / 60,
    tpsPeakAt: peak === 0 ? undefined : timestamp(peakAt),
  };
}

/** A protobuf Timestamp of whole microseconds. */
export function timestamp(at: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(at / 1e6);
  return { seconds: BigInt(seconds), nanos: (at - seconds * 1e6) * 1000 };
}

/** Microseconds of a protobuf Timestamp. */
export function microsOf(at: { seconds: bigint; nanos: number } | undefined): number {
  return at === undefined ? Number.NaN : Number(at.seconds) * 1e6 + Math.floor(at.nanos / 1000);
}

// From domain values to the protobuf parts that answers share. Exact: bigint and decimal text to
// the edge.

import type { Counts } from '../../domain/measures/counts.js';
import {
  type CurrencySums,
  isMoney,
  type MoneyByCurrency,
  netOf,
  perMessage,
} from '../../domain/measures/money.js';
import type { Percentiles } from '../../domain/measures/percentile.js';
import { ratesOf } from '../../domain/measures/rates.js';
import type { InstantRange } from '../../domain/time/calendar.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../../domain/time/instant.js';
import type { EffectiveRange } from '../../domain/time/range.js';
import { type BucketState, bucketState } from '../../domain/time/settling.js';
import type { Duration } from '../../generated/proto/google/protobuf/duration.js';
import type { Timestamp } from '../../generated/proto/google/protobuf/timestamp.js';
import {
  type Bucket,
  type Latency,
  type Meta,
  type Money,
  BucketState as ProtoBucketState,
  type EffectiveRange as ProtoEffectiveRange,
  type Rates,
} from '../../generated/proto/sms/analytics/v1/common.js';
import { type Freshness, revisionOf } from '../question/periods.js';
import { amountText } from './kept.js';

const STATES: Record<BucketState, ProtoBucketState> = {
  open: ProtoBucketState.BUCKET_STATE_OPEN,
  provisional: ProtoBucketState.BUCKET_STATE_PROVISIONAL,
  settled: ProtoBucketState.BUCKET_STATE_SETTLED,
};

export function timestampOf(instant: EpochMicros): Timestamp {
  const seconds = Math.floor(instant / MICROS_PER_SECOND);
  return { seconds: BigInt(seconds), nanos: (instant - seconds * MICROS_PER_SECOND) * 1000 };
}

/** A duration of some microseconds, rounded to a whole one. */
function durationOf(micros: number): Duration {
  return timestampOf(Math.round(micros));
}

export function effectiveRangeOf(range: InstantRange, timeZone: string): ProtoEffectiveRange {
  return { start: timestampOf(range.start), end: timestampOf(range.end), timeZone };
}

export function metaOf(range: EffectiveRange, fresh: Freshness): Meta {
  const known = fresh.state.dataAsOf !== undefined;
  return {
    dataAsOf: known ? timestampOf(fresh.dataAsOf) : undefined,
    settledThrough: known ? timestampOf(fresh.settledThrough) : undefined,
    effectiveRange: effectiveRangeOf(range, range.zone),
    revision: revisionOf(fresh),
  };
}

/** Whether a bucket can still change. */
export function stateOf({ end }: InstantRange, fresh: Freshness): ProtoBucketState {
  return STATES[bucketState(end, fresh.dataAsOf, fresh.settledThrough)];
}

export function bucketOf({ start, end }: InstantRange, state: ProtoBucketState): Bucket {
  return { start: timestampOf(start), end: timestampOf(end), state };
}

/** Counts and the rates that follow from them. */
export function countsAndRates(counts: Counts): { counts: Counts; rates: Rates } {
  return { counts, rates: ratesOf(counts) };
}

export function latencyOf(percentiles: Percentiles | undefined): Latency | undefined {
  if (percentiles === undefined) return undefined;
  return {
    delivered: BigInt(percentiles.delivered),
    p50: durationOf(percentiles.p50),
    p90: durationOf(percentiles.p90),
    p95: durationOf(percentiles.p95),
    p99: durationOf(percentiles.p99),
  };
}

/** One entry for each currency with a charge or a refund, ordered by code. */
export function moneyOf(money: MoneyByCurrency, delivered: bigint): Money[] {
  return moneyList(
    Array.from(money, ([currency, sums]) => ({ currency, ...sums })),
    delivered,
  );
}

/** The same of a list that has each currency once. */
export function moneyList(all: readonly CurrencySums[], delivered: bigint): Money[] {
  return byCurrency(all.filter(isMoney)).map((sums) => {
    const net = netOf(sums);
    const each = perMessage(net, delivered);
    return {
      currency: sums.currency,
      charges: sums.charges,
      refunds: sums.refunds,
      charged: amountText(sums.charged),
      refunded: amountText(sums.refunded),
      net: amountText(net),
      netPerDelivered: each === undefined ? undefined : amountText(each),
    };
  });
}

/** In the order of their codes. */
export function byCurrency(all: readonly CurrencySums[]): readonly CurrencySums[] {
  return all.length < 2 ? all : [...all].sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

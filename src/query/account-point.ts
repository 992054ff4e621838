/**
 * A point of one account, as encoded. Accounts are asked about the same hours, and have a handful of
 * messages in each, so that the same buckets and the same few rates come again and again. They are most
 * of a point, and are encoded once.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { InstantRange } from '../domain/calendar.js';
import { type Counts, failedCount } from '../domain/counts.js';
import { type EpochMicros, MICROS_PER_MINUTE } from '../domain/instant.js';
import { ratesOf } from '../domain/rates.js';
import {
  Bucket,
  type BucketState,
  Money,
  Counts as ProtoCounts,
  Rates,
} from '../generated/proto/sms/analytics/v1/common.js';
import { bucketOf } from './answer-parts.js';
import { encoded, LEN } from './points.js';

/** What a point is made of; its rates follow from its counts. */
export interface AccountFigures {
  /** Whole minutes. */
  readonly range: InstantRange;
  readonly state: BucketState;
  readonly counts: Counts;
  readonly money: readonly Money[];
}

/** Writes the fields of AccountPoint. */
export const accountPoint = {
  encode({ range, state, counts, money }: AccountFigures, writer: BinaryWriter): BinaryWriter {
    writer.tag(1, LEN).bytes(encodedBucket(range, state));
    ProtoCounts.encode(counts, writer.tag(2, LEN).fork()).join();
    writer.tag(3, LEN).bytes(encodedRates(counts));
    for (const one of money) Money.encode(one, writer.tag(4, LEN).fork()).join();
    return writer;
  },
};

/** Parts are kept as long as there are fewer: each is at most some 200 bytes. */
const MOST_KEPT = 4_096;

interface KeptBucket {
  readonly end: EpochMicros;
  readonly state: BucketState;
  readonly bytes: Uint8Array;
}

/** By start in minutes, as maps find small numbers fastest. */
const keptBuckets = new Map<number, KeptBucket>();

function encodedBucket(range: InstantRange, state: BucketState): Uint8Array {
  const start = range.start / MICROS_PER_MINUTE;
  const known = keptBuckets.get(start);
  if (known?.end === range.end && known.state === state) return known.bytes;
  const bytes = encoded(Bucket, bucketOf(range, state));
  keep(keptBuckets, start, { end: range.end, state, bytes });
  return bytes;
}

/** Below it, four numbers make a key. */
const FEW = 64;
const keptRates = new Map<number, Uint8Array>();

function encodedRates(counts: Counts): Uint8Array {
  if (counts.accepted >= FEW) return encoded(Rates, ratesOf(counts));
  const [accepted, pending] = [Number(counts.accepted), Number(counts.pending)];
  const [delivered, failed] = [Number(counts.delivered), Number(failedCount(counts))];
  const key = ((accepted * FEW + pending) * FEW + delivered) * FEW + failed;
  const known = keptRates.get(key);
  if (known !== undefined) return known;
  const bytes = encoded(Rates, ratesOf(counts));
  keep(keptRates, key, bytes);
  return bytes;
}

function keep<T>(kept: Map<number, T>, key: number, value: T): void {
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, value);
}

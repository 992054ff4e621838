/**
 * A point of one account, as encoded. An account has a handful of messages in an hour, so the same few
 * rates come again and again, and they are half of a point: those of few messages are encoded once.
 */
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { type Counts, failedCount } from '../domain/counts.js';
import { ratesOf } from '../domain/rates.js';
import {
  Bucket,
  Money,
  Counts as ProtoCounts,
  Rates,
} from '../generated/proto/sms/analytics/v1/common.js';
import { encoded, LEN } from './points.js';

/** What a point is made of; its rates follow from its counts. */
export interface AccountFigures {
  readonly bucket: Bucket;
  readonly counts: Counts;
  readonly money: readonly Money[];
}

/** Writes the fields of AccountPoint. */
export const accountPoint = {
  encode({ bucket, counts, money }: AccountFigures, writer: BinaryWriter): BinaryWriter {
    Bucket.encode(bucket, writer.tag(1, LEN).fork()).join();
    ProtoCounts.encode(counts, writer.tag(2, LEN).fork()).join();
    writer.tag(3, LEN).bytes(encodedRates(counts));
    for (const one of money) Money.encode(one, writer.tag(4, LEN).fork()).join();
    return writer;
  },
};

/** Below it, each of four numbers has six bits of a key. */
const FEW = 64n;
/** Of about 200 bytes each. */
const MOST_KEPT = 4_096;
const kept = new Map<number, Uint8Array>();

function encodedRates(counts: Counts): Uint8Array {
  if (counts.accepted >= FEW) return encoded(Rates, ratesOf(counts));
  const { accepted, pending, delivered } = counts;
  const failed = failedCount(counts);
  const key = [accepted, pending, delivered, failed].reduce((sum, n) => sum * 64 + Number(n), 0);
  let bytes = kept.get(key);
  if (bytes === undefined) {
    bytes = encoded(Rates, ratesOf(counts));
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, bytes);
  }
  return bytes;
}

// A point of one account, as encoded. Accounts are asked about the same hours, and have a handful
// of messages in each, so that the same buckets and the same few rates come again and again. They
// are most of a point, and are encoded once.
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { CountTable } from '../../domain/measures/count-table.js';
import { COUNT_FIELDS } from '../../domain/measures/counts.js';
import { type CurrencySums, isMoney, netOf, perMessage } from '../../domain/measures/money.js';
import { ratesOf } from '../../domain/measures/rates.js';
import type { InstantRange } from '../../domain/time/calendar.js';
import { type EpochMicros, MICROS_PER_MINUTE } from '../../domain/time/instant.js';
import { Bucket, type BucketState, Rates } from '../../generated/proto/sms/analytics/v1/common.js';
import { bucketOf, byCurrency } from '../wire/answer-parts.js';
import { amountText, keep } from '../wire/kept.js';
import { encoded, LEN, VARINT } from '../wire/points.js';

/**
 * Writes the fields of an AccountPoint as the generated code would, but straight from numbers:
 * `range` is whole minutes long, the counts are a row of `table`, and `money` has each currency
 * once.
 */
export function writeAccountPoint(
  writer: BinaryWriter,
  range: InstantRange,
  state: BucketState,
  table: CountTable,
  row: number,
  money: readonly CurrencySums[],
): void {
  writer.tag(1, LEN).bytes(encodedBucket(range, state));
  writer.tag(2, LEN).fork();
  for (let column = 0; column < COUNT_FIELDS.length; column++) {
    writeNumber(writer, column + 1, table.at(row, column));
  }
  writer.join();
  writer.tag(3, LEN).bytes(encodedRates(table, row));
  for (const sums of byCurrency(money)) {
    if (isMoney(sums)) writeMoney(writer.tag(4, LEN).fork(), sums, table.at(row, DELIVERED)).join();
  }
}

function writeNumber(writer: BinaryWriter, field: number, number: number | bigint): void {
  if (number) writer.tag(field, VARINT).int64(number);
}

/** Writes the fields of Money. */
function writeMoney(writer: BinaryWriter, sums: CurrencySums, delivered: number): BinaryWriter {
  const charged = amountText(sums.charged);
  const net = sums.refunded ? netOf(sums) : sums.charged;
  const each = perMessage(net, delivered);
  writer.tag(1, LEN).string(sums.currency);
  writeNumber(writer, 2, sums.charges);
  writeNumber(writer, 3, sums.refunds);
  writer.tag(4, LEN).string(charged);
  writer.tag(5, LEN).string(amountText(sums.refunded));
  writer.tag(6, LEN).string(net === sums.charged ? charged : amountText(net));
  if (each !== undefined) writer.tag(7, LEN).string(amountText(each));
  return writer;
}

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

const ACCEPTED = COUNT_FIELDS.indexOf('accepted');
const PENDING = COUNT_FIELDS.indexOf('pending');
const DELIVERED = COUNT_FIELDS.indexOf('delivered');
const UNKNOWN = COUNT_FIELDS.indexOf('unknown');

function encodedRates(table: CountTable, row: number): Uint8Array {
  const accepted = table.at(row, ACCEPTED);
  if (accepted >= FEW) return ratesIn(table, row);
  // What else rates are made of follows from these four. As an integer of 32 bits it needs no
  // memory of its own.
  const most = (accepted * FEW + table.at(row, PENDING)) * FEW + table.at(row, DELIVERED);
  const key = (most * FEW + table.at(row, UNKNOWN)) | 0;
  const known = keptRates.get(key);
  if (known !== undefined) return known;
  const bytes = ratesIn(table, row);
  keep(keptRates, key, bytes);
  return bytes;
}

function ratesIn(table: CountTable, row: number): Uint8Array {
  return encoded(Rates, ratesOf(table.sum(row, row + 1)));
}

/**
 * Answers as bytes. A point of a series is encoded once, not for every answer that has it: an answer is
 * its other fields, encoded, and the points behind them (the order of fields is free,
 * https://protobuf.dev/programming-guides/encoding/#order).
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { InstantRange } from '../domain/calendar.js';
import { type Bucket, BucketState } from '../generated/proto/sms/analytics/v1/common.js';
import { slab } from '../store/postgres/packed-figures.js';
import { bucketOf, stateOf } from './answer-parts.js';
import { bucketAt, type Freshness, type Slots } from './periods.js';

/** Wire type LEN, https://protobuf.dev/programming-guides/encoding/#structure. */
const LEN = 2;

/** What a generated message type encodes with. */
interface MessageType<Message> {
  encode(message: Message, writer: BinaryWriter): BinaryWriter;
}

let writer = new BinaryWriter();

/** The bytes of a message, written into a buffer that has grown already. */
export function encoded<Message>(type: MessageType<Message>, message: Message): Uint8Array {
  const own = writer;
  // Whatever throws leaves its writer in the middle of something.
  writer = new BinaryWriter();
  const bytes = type.encode(message, own).finish();
  writer = own;
  return bytes;
}

/** The bytes of a message, and behind it the points of its series, each encoded as soon as it is made. */
export function encodedSeries<Message, Point>(
  type: MessageType<Message>,
  message: Message,
  { number, message: point }: Pick<SeriesField<never, Point>, 'number' | 'message'>,
  points: Iterable<Point>,
): Uint8Array {
  const encode = (all: Message, own: BinaryWriter) => {
    type.encode(all, own);
    for (const one of points) point.encode(one, own.tag(number, LEN).fork()).join();
    return own;
  };
  return encoded({ encode }, message);
}

/** The tag and the length of a field that `bytes` long parts follow. */
export function fieldHeader(number: number, bytes: number): Uint8Array {
  return new BinaryWriter().tag(number, LEN).uint32(bytes).finish();
}

export function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** A value of a slot, with the point that an answer made of it for the next one. */
interface Pointed {
  point?: { readonly state: BucketState; readonly bytes: Uint8Array };
}

/** The field of a message that holds its series. A kind of values is always asked for one field. */
export interface SeriesField<Value extends Pointed, Point> {
  readonly number: number;
  readonly message: MessageType<Point>;
  /** Of the values of a bucket, which are one for most buckets. */
  readonly pointOf: (bucket: Bucket, values: readonly Value[], range: InstantRange) => Point;
  /** Whether the point of an open bucket follows data_as_of. */
  readonly openFlows?: boolean;
}

/** The series of a period, one part for each bucket. */
export function seriesParts<Value extends Pointed, Point>(
  field: SeriesField<Value, Point>,
  slots: Slots,
  values: readonly Value[],
  fresh: Freshness,
): Uint8Array[] {
  let slot = 0;
  const made: { value: Value; state: BucketState; index: number }[] = [];
  const parts = slots.bucketEdges.slice(1).map((_, index): Uint8Array => {
    const range = bucketAt(slots, index);
    const first = slot;
    while (slots.bucketOf[slot] === index) slot++;
    const state = stateOf(range, fresh);
    const only = slot - first === 1 ? values[first] : undefined;
    if (only?.point?.state === state) return only.point.bytes;
    const point = field.pointOf(bucketOf(range, state), values.slice(first, slot), range);
    const keeps = state !== BucketState.BUCKET_STATE_OPEN || !field.openFlows;
    if (only !== undefined && keeps) made.push({ value: only, state, index });
    const message = encoded(field.message, point);
    return Buffer.concat([fieldHeader(field.number, message.length), message]);
  });
  const kept = slab(made.map(({ index }) => parts[index] as Uint8Array));
  for (const [i, { value, state }] of made.entries()) {
    value.point = { state, bytes: kept[i] as Uint8Array };
  }
  return parts;
}

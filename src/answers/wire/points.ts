// Answers as bytes. A point of a series is encoded once, not for every answer that has it: an
// answer is its other fields, encoded, and the points behind them (the order of fields is free,
// https://protobuf.dev/programming-guides/encoding/#order). It replaces encoding the whole response
// with the generated code, and buys the typical GetSummary, GetThroughput and
// GetOperatorPerformance of `npm run bench -- query`: a known point costs nothing, and a new one
// 18 us instead of 26, because the writer keeps the buffer that has grown.
// test/integration/answers/property.test.ts holds the answers, remembered and new.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { InstantRange } from '../../domain/time/calendar.js';
import { type Bucket, BucketState } from '../../generated/proto/sms/analytics/v1/common.js';
import { type Part, partOf, sideBySide, sizeOf } from '../../platform/parts.js';
import { bucketAt, type Freshness, firstSlotOf, type Slots } from '../question/periods.js';
import { bucketOf, stateOf } from './answer-parts.js';

/** Wire types, https://protobuf.dev/programming-guides/encoding/#structure. */
export const VARINT = 0;
export const LEN = 2;

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

/** The bytes of a message, and behind it those of the fields that `writeRest` writes. */
export function encodedWith<Message>(
  type: MessageType<Message>,
  message: Message,
  writeRest: (writer: BinaryWriter) => void,
): Uint8Array {
  const encode = (all: Message, own: BinaryWriter) => {
    type.encode(all, own);
    writeRest(own);
    return own;
  };
  return encoded({ encode }, message);
}

/** The tag and the length of a field that some parts follow. */
export function fieldHeader(number: number, parts: readonly Part[]): Part {
  return partOf(new BinaryWriter().tag(number, LEN).uint32(sizeOf(parts)).finish());
}

/** A point of a series, as an answer has it. */
export interface EncodedPoint extends Part {
  /** Of its bucket; the point of another state is another one. */
  readonly state: number;
}

/** A value of a slot, with the point that an answer made of it for the next one. */
interface Pointed {
  point?: EncodedPoint | undefined;
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
): Part[] {
  const asField: MessageType<Point> = {
    encode: (point, own) => field.message.encode(point, own.tag(field.number, LEN).fork()).join(),
  };
  const made: { value: Value; state: BucketState; index: number }[] = [];
  const parts: Part[] = [];
  for (let index = 0; index < slots.bucketEdges.length - 1; index++) {
    const range = bucketAt(slots, index);
    const [first, end] = [firstSlotOf(slots, index), firstSlotOf(slots, index + 1)];
    const state = stateOf(range, fresh);
    const only = end - first === 1 ? values[first] : undefined;
    if (only?.point?.state === state) {
      parts.push(only.point);
      continue;
    }
    const point = field.pointOf(bucketOf(range, state), values.slice(first, end), range);
    parts.push(partOf(encoded(asField, point)));
    const keeps = state !== BucketState.BUCKET_STATE_OPEN || !field.openFlows;
    if (only !== undefined && keeps) made.push({ value: only, state, index });
  }
  const kept = sideBySide(made.map(({ index }) => parts[index] as Part));
  for (const [i, { value, state }] of made.entries()) {
    const { slab, start, end } = kept[i] as Part;
    value.point = { slab, start, end, state };
  }
  return parts;
}

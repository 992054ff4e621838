/**
 * Series and totals of remembered figures. A point is encoded once, not for every answer that has it:
 * an answer is its other fields, encoded, and the points behind them (the order of fields is free,
 * https://protobuf.dev/programming-guides/encoding/#order).
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { InstantRange } from '../domain/calendar.js';
import type { Figures } from '../domain/figures.js';
import { type Bucket, BucketState } from '../generated/proto/sms/analytics/v1/common.js';
import { FigureSums } from '../store/postgres/packed-figures.js';
import type { SlotFigures } from '../store/postgres/select-figures.js';
import { bucketOf, stateOf } from './answer-parts.js';
import type { Freshness, Slots } from './periods.js';

/** Wire type LEN, https://protobuf.dev/programming-guides/encoding/#structure. */
const LEN = 2;

/** A value of a slot, with the point that an answer made of it for the next one. */
interface Pointed {
  point?: { readonly state: BucketState; readonly bytes: Uint8Array };
}

/** The field of a message that holds its series. A kind of values is always asked for one field. */
export interface SeriesField<Value extends Pointed, Point> {
  readonly number: number;
  readonly message: { encode(point: Point, writer: BinaryWriter): BinaryWriter };
  /** Of the values of a bucket, which are one for most buckets. */
  readonly pointOf: (bucket: Bucket, values: readonly Value[], range: InstantRange) => Point;
  /** Whether the point of an open bucket follows data_as_of. */
  readonly openFlows?: boolean;
}

/** Writes the series of a period behind what `writer` has of its message. */
export function writeSeries<Value extends Pointed, Point>(
  writer: BinaryWriter,
  field: SeriesField<Value, Point>,
  slots: Slots,
  values: readonly Value[],
  fresh: Freshness,
): void {
  let slot = 0;
  slots.buckets.forEach((range, i) => {
    const first = slot;
    while (slots.bucketOf[slot] === i) slot++;
    const state = stateOf(range, fresh);
    const only = slot - first === 1 ? values[first] : undefined;
    if (only?.point?.state === state) {
      writer.raw(only.point.bytes);
      return;
    }
    const point = field.pointOf(bucketOf(range, state), values.slice(first, slot), range);
    const own = new BinaryWriter().tag(field.number, LEN).fork();
    const bytes = field.message.encode(point, own).join().finish();
    writer.raw(bytes);
    const keeps = state !== BucketState.BUCKET_STATE_OPEN || !field.openFlows;
    if (only !== undefined && keeps) only.point = { state, bytes };
  });
}

/** The figures of some slots together. */
export function sumOf(figures: readonly SlotFigures[]): Figures {
  const sums = new FigureSums();
  for (const { packed } of figures) sums.add(packed);
  return sums.figures();
}

/** Over the whole period, and over the part of it that is compared. */
export function totalsOf(
  { comparedSlots, bucketOf: all }: Slots,
  figures: readonly SlotFigures[],
): { total: Figures; compared: Figures } {
  const total = sumOf(figures);
  const compared = comparedSlots < all.length ? sumOf(figures.slice(0, comparedSlots)) : total;
  return { total, compared };
}

// The outline of a protobuf payload: which field numbers and wire types it has, without their
// values. The generated codec stops in silence at a zero tag or a group's end, reads a field of
// another wire type as unknown, and lets a nested message run past its own end; all of that is
// malformed here.

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * By field number: the wire type that it must have, or the outline of the message that it holds.
 */
export type WireShape = ReadonlyArray<number | WireShape | undefined>;

const TIMESTAMP: WireShape = [undefined, VARINT, VARINT];
const ERROR: WireShape = [undefined, VARINT, VARINT];
const HEAD = [undefined, BYTES, BYTES, BYTES, BYTES, TIMESTAMP, TIMESTAMP] as const;

/** The events of proto/sms/events/v1/events.proto. */
export const WIRE_SHAPES = {
  charged: [...HEAD, VARINT, BYTES, BYTES],
  refunded: [...HEAD, BYTES, BYTES],
  reported: [...HEAD, VARINT, ERROR],
} as const satisfies Record<string, WireShape>;

const MALFORMED = -1;

/**
 * How many fields in `payload` are not in `shape`, those of nested messages included; -1 where the
 * payload is truncated or not of this shape. Groups, which proto3 cannot write, are refused.
 */
export function countUnknownFields(payload: Uint8Array, shape: WireShape): number {
  return walk(payload, 0, payload.length, shape);
}

// Recursion ends with the shape: two levels.
function walk(payload: Uint8Array, start: number, end: number, shape: WireShape): number {
  let unknown = 0;
  let at = start;
  while (at < end) {
    const tagEnd = varintEnd(payload, at, end);
    if (tagEnd < 0 || tagEnd - at > 5) return MALFORMED;
    const tag = varintValue(payload, at, tagEnd);
    const wireType = tag % 8;
    const field = Math.floor(tag / 8);
    if (field === 0 || field > MAX_FIELD_NUMBER) return MALFORMED;
    const expected = shape[field];
    const expectedType = typeof expected === 'object' ? BYTES : expected;
    if (expectedType !== undefined && expectedType !== wireType) return MALFORMED;
    const valueStart = wireType === BYTES ? varintEnd(payload, tagEnd, end) : tagEnd;
    const next = valueStart < 0 ? MALFORMED : valueEnd(payload, tagEnd, valueStart, end, wireType);
    if (next < 0) return MALFORMED;
    if (expected === undefined) unknown++;
    if (typeof expected === 'object') {
      const inner = walk(payload, valueStart, next, expected);
      if (inner < 0) return MALFORMED;
      unknown += inner;
    }
    at = next;
  }
  return unknown;
}

const MAX_FIELD_NUMBER = 0x1fff_ffff;

/** Where the value ends that follows a tag, or -1 where that is past `end`. */
function valueEnd(
  payload: Uint8Array,
  tagEnd: number,
  valueStart: number,
  end: number,
  wireType: number,
): number {
  let next = MALFORMED;
  if (wireType === VARINT) next = varintEnd(payload, tagEnd, end);
  else if (wireType === FIXED64) next = tagEnd + 8;
  else if (wireType === FIXED32) next = tagEnd + 4;
  else if (wireType === BYTES) next = valueStart + varintValue(payload, tagEnd, valueStart);
  return next <= end ? next : MALFORMED;
}

/** Where the varint at `at` ends, or -1 where it is longer than ten bytes or runs past `end`. */
function varintEnd(payload: Uint8Array, at: number, end: number): number {
  const last = Math.min(end, at + 10);
  for (let next = at; next < last; next++) {
    if ((payload[next] as number) < 0x80) return next + 1;
  }
  return MALFORMED;
}

/** The value of a varint; inexact above 2^53, where it is too large for any use all the same. */
function varintValue(payload: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = end - 1; at >= start; at--) value = value * 128 + ((payload[at] as number) & 0x7f);
  return value;
}

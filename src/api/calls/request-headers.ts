// What a request's headers must be before grpc-js sees them: POST, gRPC with protobuf, and no
// larger than the bound that HTTP/2's settings tell the peer, to which Node does not hold it.
// grpc-js finds digits anywhere in a `grpc-timeout` and loses those of long times, so it is given
// what it reads right.
import type { IncomingHttpHeaders } from 'node:http2';
import { MAX_HEADER_LIST_BYTES } from '../server/limits.js';

const CONTENT_TYPES = new Set(['application/grpc', 'application/grpc+proto']);
/** What RFC 9113 (6.5.2) adds for each field. */
const FIELD_OVERHEAD_BYTES = 32;

/**
 * The HTTP status with which a request is turned away, if it is; `rawHeaders` are names and values
 * in turn.
 */
export function statusOfForeign(
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): 405 | 415 | 431 | undefined {
  if (headers[':method'] !== 'POST') return 405;
  if (!CONTENT_TYPES.has(headers['content-type'] ?? '')) return 415;
  let bytes = (rawHeaders.length / 2) * FIELD_OVERHEAD_BYTES;
  for (const text of rawHeaders) bytes += text.length;
  return bytes > MAX_HEADER_LIST_BYTES ? 431 : undefined;
}

const MS_OF_UNIT: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};
/** The longest time of a timer, about 24 days, in whole seconds. */
const LONGEST_S = 2_147_483;

/**
 * A `grpc-timeout` that grpc-js understands as gRPC's PROTOCOL-HTTP2 means it: at most eight digits
 * and a unit, and no longer than a timer can be. Anything else becomes what grpc-js calls invalid.
 */
export function readableTimeout(value: string): string {
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  if (digits === undefined) return 'invalid';
  const ms = Number(digits) * (MS_OF_UNIT[unit] ?? 0);
  return ms > LONGEST_S * 1_000 ? `${LONGEST_S}S` : value;
}

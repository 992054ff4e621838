// The digest by which a dead letter is recognised: a replay fetches the payload from the stream and
// must find the same one.
import { hash } from 'node:crypto';

/** First 64 bits of SHA-256 of `payload`, big-endian, as a signed integer: fits a SQL bigint. */
export function digestOf(payload: Uint8Array): bigint {
  return hash('sha256', payload, 'buffer').readBigInt64BE(0);
}

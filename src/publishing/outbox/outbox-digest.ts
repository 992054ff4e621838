// Digests as the outbox's table holds them.

import { hash } from 'node:crypto';
import type { Digest } from '../spool/kept-events.js';

/** First 8 bytes of the payload's SHA-256. */
export function digestBytes(payload: Buffer): Buffer {
  return hash('sha256', payload, 'buffer').subarray(0, 8);
}

/** The same 8 bytes out of their halves. */
export function bytesOf({ digestHigh, digestLow }: Digest): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(digestHigh, 0);
  bytes.writeUInt32BE(digestLow, 4);
  return bytes;
}

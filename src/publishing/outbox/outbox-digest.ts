// Digests as the outbox's table holds them.

import type { Digest } from '../../nats/announcements.js';

/** The 8 bytes out of their halves. */
export function bytesOf({ digestHigh, digestLow }: Digest): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(digestHigh, 0);
  bytes.writeUInt32BE(digestLow, 4);
  return bytes;
}

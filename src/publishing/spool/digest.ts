// The digest by which an event is known until it is counted: ingest announces the same one.
import { hash } from 'node:crypto';
import type { EventKind } from '../../domain/message/admission.js';
import type { SpooledEvent } from './records.js';

/** The event with the first 8 bytes of its payload's SHA-256 (contract, section 1). */
export function withDigest(kind: EventKind, payload: Buffer): SpooledEvent {
  const digest = hash('sha256', payload, 'buffer');
  return { kind, payload, digestHigh: digest.readUInt32BE(0), digestLow: digest.readUInt32BE(4) };
}

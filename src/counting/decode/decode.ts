// From the bytes of one JetStream message to an admitted event, or to the reason why it is a dead
// letter. Never throws and keeps nothing of a refused payload but its digest and the ids that are
// valid by themselves. First step of ingestion; what it admits is folded next.
import { hash } from 'node:crypto';
import {
  type AdmissionRules,
  admit,
  DEFAULT_ADMISSION_RULES,
  type EventKind,
  validIdsOf,
} from '../../domain/message/admission.js';
import type { DeadLetterReason, Refusal } from '../../domain/message/dead-letter.js';
import type { AdmittedEvent, EventSource } from '../../domain/message/event.js';
import { MALFORMED, MAX_PAYLOAD_BYTES, type Reading } from '../../domain/message/event-reading.js';
import { type PublishedEvent, SUBJECT_OF_KIND } from '../../nats/published-event.js';
import { readJson } from './decode-json.js';
import { readProtobuf } from './decode-protobuf.js';

/** The events of the contract by their subjects. */
export const EVENT_KIND_OF_SUBJECT: ReadonlyMap<string, EventKind> = new Map(
  (Object.keys(SUBJECT_OF_KIND) as EventKind[]).map((kind) => [SUBJECT_OF_KIND[kind], kind]),
);

/** An event to be counted, or a dead letter. */
export type Decoded =
  | {
      readonly admitted: true;
      readonly event: AdmittedEvent;
      /** Fields that the contract does not have; dropped. */
      readonly unknownFields: number;
    }
  | { readonly admitted: false; readonly refusal: Refusal; readonly source: EventSource };

/** The event in `published`, or the first reason against it. No retry changes the answer. */
export function decode(
  published: PublishedEvent,
  rules: AdmissionRules = DEFAULT_ADMISSION_RULES,
): Decoded {
  const { subject, payload } = published;
  const source = { sequence: published.sequence, digest: digestOf(payload) };
  const kind = EVENT_KIND_OF_SUBJECT.get(subject);
  if (kind === undefined) return refuse('unknown_subject', source);
  if (payload.length > MAX_PAYLOAD_BYTES) return refuse('too_large', source);
  const reading = read(kind, published.contentType, payload);
  if (reading.fault === 'malformed') return refuse('malformed', source);
  const { fields, unknownFields } = reading;
  if (reading.fault === 'forbidden_field') {
    const refusal: Refusal = { reason: 'forbidden_field', ids: validIdsOf(fields, rules) };
    return { admitted: false, refusal, source };
  }
  const judged = admit(kind, fields, published.timestamp, source, rules);
  if ('reason' in judged) return { admitted: false, refusal: judged, source };
  return { admitted: true, event: judged, unknownFields };
}

/**
 * First 64 bits of SHA-256 of `payload`, big-endian, as a signed integer: fits a SQL bigint. A
 * replay recognises a dead letter's payload by it.
 */
export function digestOf(payload: Uint8Array): bigint {
  return hash('sha256', payload, 'buffer').readBigInt64BE(0);
}

function refuse(reason: DeadLetterReason, source: EventSource): Decoded {
  return { admitted: false, refusal: { reason, ids: {} }, source };
}

function read(kind: EventKind, contentType: string | undefined, payload: Uint8Array): Reading {
  switch (formOf(contentType)) {
    case 'json':
      return readJson(kind, payload);
    case 'protobuf':
      return readProtobuf(kind, payload);
    default:
      return MALFORMED;
  }
}

/**
 * The form that a content type promises, or undefined. Parameters are ignored, but for a charset.
 */
function formOf(contentType: string | undefined): 'json' | 'protobuf' | undefined {
  if (contentType === undefined || contentType === '' || contentType === 'application/json') {
    return 'json';
  }
  if (contentType === 'application/protobuf') return 'protobuf';
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim() !== 'charset') continue;
    if (!['utf-8', 'utf8', '"utf-8"', '"utf8"'].includes(value.trim())) return undefined;
  }
  if (type.trim() === 'application/json') return 'json';
  return type.trim() === 'application/protobuf' ? 'protobuf' : undefined;
}

// Payloads for the tests of decoding, in both forms, and a short way to decode them.
import { type Decoded, decode } from '../../../../src/counting/decode/decode.js';
import { type EpochMicros, parseInstant } from '../../../../src/domain/time/instant.js';
import {
  DeliveryReported,
  ErrorNetwork,
  MessageCharged,
  MessageRefunded,
  MessageState,
} from '../../../../src/generated/proto/sms/events/v1/events.js';
import type { PublishedEvent } from '../../../../src/nats/published-event.js';

export const CHARGED = 'sms.billing.v1.charged';
export const REFUNDED = 'sms.billing.v1.refunded';
export const REPORTED = 'sms.dlr.v1.reported';
export const MESSAGE_ID = '0193a5f2-7c1e-7d3a-9b4c-5e6f70819203';
/** When the stream stored every sample: two minutes after acceptance. */
export const STORED_AT = instant('2026-11-22T10:09:30Z');

export const HEAD = {
  eventId: 'evt-1',
  messageId: MESSAGE_ID,
  accountId: 'acme',
  operatorId: '22801',
  acceptedAt: '2026-11-22T10:07:30.123456Z',
};
export const CHARGED_JSON = {
  ...HEAD,
  chargedAt: '2026-11-22T11:07:31+01:00',
  segments: 2,
  amount: '0.05',
  currency: 'EUR',
};
export const REFUNDED_JSON = {
  ...HEAD,
  refundedAt: '2026-11-22T10:08:00Z',
  amount: '0.05',
  currency: 'EUR',
};
export const REPORTED_JSON = {
  ...HEAD,
  reportedAt: '2026-11-22T10:07:34.5Z',
  state: 'UNDELIVERABLE',
  error: { network: 'GSM_MAP', code: 6 },
};

// 2026-11-22T10:07:30Z is 20,779 days and 36,450 seconds after the epoch.
const ACCEPTED_SECOND = 20_779n * 86_400n + 36_450n;
const BINARY_HEAD = { ...HEAD, acceptedAt: { seconds: ACCEPTED_SECOND, nanos: 123_456_789 } };
const { acceptedAt: _, ...IDS } = HEAD;

/** The binary forms of the three samples. */
export const BINARY = {
  charged: MessageCharged.encode({
    ...IDS,
    acceptedAt: BINARY_HEAD.acceptedAt,
    chargedAt: { seconds: ACCEPTED_SECOND + 1n, nanos: 0 },
    segments: 2,
    amount: '0.05',
    currency: 'EUR',
  }).finish(),
  refunded: MessageRefunded.encode({
    ...IDS,
    acceptedAt: BINARY_HEAD.acceptedAt,
    refundedAt: { seconds: ACCEPTED_SECOND + 30n, nanos: 0 },
    amount: '0.05',
    currency: 'EUR',
  }).finish(),
  reported: DeliveryReported.encode({
    ...IDS,
    acceptedAt: BINARY_HEAD.acceptedAt,
    reportedAt: { seconds: ACCEPTED_SECOND + 4n, nanos: 500_000_000 },
    state: MessageState.UNDELIVERABLE,
    error: { network: ErrorNetwork.GSM_MAP, code: 6 },
  }).finish(),
};

/** An instant that the test knows to be one. */
export function instant(text: string): EpochMicros {
  const micros = parseInstant(text);
  if (micros === undefined) throw new RangeError(text);
  return micros;
}

/** The bytes of a JSON text, or of the JSON of anything else. */
export function bytes(content: unknown): Uint8Array {
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
}

/** Decodes `payload` as stored at sequence 7. */
export function decodeBytes(
  subject: string,
  payload: Uint8Array,
  changes: Partial<PublishedEvent> = {},
): Decoded {
  const stored = { contentType: undefined, sequence: 7, timestamp: STORED_AT };
  return decode({ subject, payload, ...stored, ...changes });
}

/** Decodes a protobuf payload. */
export function decodeBinary(subject: string, payload: Uint8Array): Decoded {
  return decodeBytes(subject, payload, { contentType: 'application/protobuf' });
}

/** `reason` or `reason:field` of a refusal; `admitted` otherwise. */
export function verdictOf(decoded: Decoded): string {
  if (decoded.admitted) return 'admitted';
  const { reason, field } = decoded.refusal;
  return field === undefined ? reason : `${reason}:${field}`;
}

/** The verdict on a JSON payload. */
export function verdict(subject: string, content: unknown): string {
  return verdictOf(decodeBytes(subject, bytes(content)));
}

// The demo traffic's events as plain values, and how they become payloads: the proto3 JSON form or
// the protobuf binary form, with the headers that the contract (section 1) asks for.

import {
  DeliveryReported,
  ErrorNetwork,
  MessageCharged,
  MessageRefunded,
  MessageState,
} from '../../../src/generated/proto/sms/events/v1/events.js';

/** Microseconds since 1970-01-01T00:00:00Z. */
export type EpochMicros = number;

interface Common {
  readonly eventId: string;
  readonly messageId: string;
  readonly accountId: string;
  readonly operatorId: string;
  readonly acceptedAt: EpochMicros;
  /** chargedAt, refundedAt or reportedAt. */
  readonly occurredAt: EpochMicros;
}

/** A message was accepted and charged. */
export interface Charged extends Common {
  readonly kind: 'charged';
  readonly segments: number;
  readonly amount: string;
  readonly currency: string;
}

/** (Part of) a charge was given back. */
export interface Refunded extends Common {
  readonly kind: 'refunded';
  readonly amount: string;
  readonly currency: string;
}

/** An operator reported a state. */
export interface Reported extends Common {
  readonly kind: 'reported';
  readonly state: MessageState;
  readonly error?: { readonly network: ErrorNetwork; readonly code: number };
}

/** What the gateway publishes. */
export type SmsEvent = Charged | Refunded | Reported;

/** How a producer writes its events. */
export interface Dialect {
  /** protobuf instead of JSON. */
  readonly binary: boolean;
  /** Digits past the microsecond, 0-999 ns, as some clocks give; ingestion truncates them. */
  readonly extraNanos: number;
  /** UTC offset of JSON timestamps, in minutes. */
  readonly offsetMinutes: number;
}

/** The usual way: JSON, UTC, microseconds. */
export const PLAIN: Dialect = { binary: false, extraNanos: 0, offsetMinutes: 0 };

const SUBJECTS = {
  charged: 'sms.billing.v1.charged',
  refunded: 'sms.billing.v1.refunded',
  reported: 'sms.dlr.v1.reported',
} as const;

/** The subject of this kind of event. */
export function subjectOf(event: SmsEvent): string {
  return SUBJECTS[event.kind];
}

/**
 * Headers of a first publication: content type, and the id by which the broker drops quick copies.
 */
export function headersOf(event: SmsEvent, dialect: Dialect): Record<string, string> {
  return {
    'content-type': dialect.binary ? 'application/protobuf' : 'application/json',
    'Nats-Msg-Id': `${subjectOf(event)}:${event.eventId}`,
  };
}

/** The payload in this dialect. */
export function encode(event: SmsEvent, dialect: Dialect): Uint8Array {
  if (dialect.binary) return encodeBinary(event, dialect.extraNanos);
  return new TextEncoder().encode(JSON.stringify(toJson(event, dialect)));
}

const INSTANT_FIELDS = {
  charged: 'chargedAt',
  refunded: 'refundedAt',
  reported: 'reportedAt',
} as const;

/** The proto3 JSON form, as an object that can still be spoilt. */
export function toJson(event: SmsEvent, dialect: Dialect = PLAIN): Record<string, unknown> {
  const time = (at: EpochMicros) => rfc3339(at, dialect);
  return {
    eventId: event.eventId,
    messageId: event.messageId,
    accountId: event.accountId,
    operatorId: event.operatorId,
    acceptedAt: time(event.acceptedAt),
    [INSTANT_FIELDS[event.kind]]: time(event.occurredAt),
    ...(event.kind === 'charged' ? { segments: event.segments } : {}),
    ...(event.kind === 'reported'
      ? { state: MessageState[event.state], ...errorJson(event) }
      : { amount: event.amount, currency: event.currency }),
  };
}

function errorJson(event: Reported): Record<string, unknown> {
  if (event.error === undefined) return {};
  const { network, code } = event.error;
  return { error: { network: ErrorNetwork[network], code } };
}

function encodeBinary(event: SmsEvent, extraNanos: number): Uint8Array {
  const { eventId, messageId, accountId, operatorId } = event;
  const acceptedAt = timestamp(event.acceptedAt, extraNanos);
  const occurredAt = timestamp(event.occurredAt, extraNanos);
  const common = { eventId, messageId, accountId, operatorId, acceptedAt };
  if (event.kind === 'reported') {
    const { state, error } = event;
    return DeliveryReported.encode({ ...common, reportedAt: occurredAt, state, error }).finish();
  }
  const { amount, currency } = event;
  if (event.kind === 'refunded') {
    return MessageRefunded.encode({
      ...common,
      refundedAt: occurredAt,
      amount,
      currency,
    }).finish();
  }
  const { segments } = event;
  const charged = { ...common, chargedAt: occurredAt, segments, amount, currency };
  return MessageCharged.encode(charged).finish();
}

function timestamp(at: EpochMicros, extraNanos: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(at / 1e6);
  return { seconds: BigInt(seconds), nanos: (at - seconds * 1e6) * 1000 + extraNanos };
}

/** `2026-11-22T09:30:00.123456Z`, or with nanoseconds and an offset. */
export function rfc3339(at: EpochMicros, dialect: Dialect = PLAIN): string {
  const { extraNanos, offsetMinutes } = dialect;
  const seconds = Math.floor(at / 1e6);
  const micros = String(at - seconds * 1e6).padStart(6, '0');
  const civil = new Date((seconds + offsetMinutes * 60) * 1000).toISOString().slice(0, 19);
  const nanos = extraNanos > 0 ? String(extraNanos).padStart(3, '0') : '';
  return `${civil}.${micros}${nanos}${offset(offsetMinutes)}`;
}

function offset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  const hours = String(Math.floor(size / 60)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${hours}:${String(size % 60).padStart(2, '0')}`;
}

// The oracle's reading of one stored event: admitted, or refused for a reason of the contract
// (sections 1 and 2). Written from the contract alone, with nothing of the code under test but the
// generated codecs. Slow and plain.

import {
  DeliveryReported,
  MessageCharged,
  MessageRefunded,
} from '../../src/generated/proto/sms/events/v1/events.js';

/** An event as the stream holds it. */
export interface Stored {
  readonly subject: string;
  readonly contentType: string;
  readonly payload: Uint8Array;
  /** The stream's timestamp, in microseconds since 1970. */
  readonly storedAt: number;
}

interface Common {
  readonly eventId: string;
  readonly messageId: string;
  readonly accountId: string;
  readonly operatorId: string;
  readonly acceptedAt: number;
}

export interface Charge extends Common {
  readonly kind: 'charge';
  readonly chargedAt: number;
  readonly segments: number;
  readonly nanos: bigint;
  readonly currency: string;
}

export interface Refund extends Common {
  readonly kind: 'refund';
  readonly refundedAt: number;
  readonly nanos: bigint;
  readonly currency: string;
}

export interface Report extends Common {
  readonly kind: 'report';
  readonly reportedAt: number;
  readonly state: string;
  /** '' without an error. */
  readonly network: string;
  readonly code: number;
}

export type Admitted = Charge | Refund | Report;

/** Why an event is not counted. */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
}

/** States of the contract, at SMPP's numbers. */
export const STATES =
  'SCHEDULED ENROUTE DELIVERED EXPIRED DELETED UNDELIVERABLE ACCEPTED UNKNOWN REJECTED SKIPPED'.split(
    ' ',
  );
/** Networks of the contract; the first stands for "no error". */
export const NETWORKS = ['', 'GSM_MAP', 'SMPP', 'VENDOR'];

const KINDS: Record<string, 'charge' | 'refund' | 'report'> = {
  'sms.billing.v1.charged': 'charge',
  'sms.billing.v1.refunded': 'refund',
  'sms.dlr.v1.reported': 'report',
};
const INSTANTS = { charge: 'chargedAt', refund: 'refundedAt', report: 'reportedAt' } as const;
const FORBIDDEN = new Set(
  'to msisdn destination recipient phone phonenumber body text content'.split(' '),
);
const MINUTE = 60_000_000;
const DAY = 1440 * MINUTE;

class Refusal extends Error {}

/** What the contract makes of this event. */
export function judge(stored: Stored): Admitted | Refused {
  try {
    return admitted(stored);
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', reason: error.message };
    throw error;
  }
}

function must(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Refusal(reason);
}

function admitted(stored: Stored): Admitted {
  const kind = KINDS[stored.subject];
  must(kind !== undefined, 'unknown_subject');
  must(stored.payload.length <= 65_536, 'too_large');
  const fields = stored.contentType.includes('protobuf')
    ? fromProtobuf(kind, stored.payload)
    : fromJson(stored.payload);
  const common = {
    eventId: id(fields.eventId, /^[A-Za-z0-9._:-]{1,128}$/),
    messageId: id(fields.messageId, /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/),
    accountId: id(fields.accountId, /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
    operatorId: id(fields.operatorId, /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
    acceptedAt: instant(fields.acceptedAt),
  };
  const claimed = instant(fields[INSTANTS[kind]]);
  const event = withContent(kind, common, Math.max(claimed, common.acceptedAt), fields);
  for (const value of [common.eventId, common.accountId, common.operatorId]) {
    must(!/^[0-9]{9,15}$/.test(value.replace(/[._:-]/g, '')), 'looks_like_msisdn');
  }
  must(common.acceptedAt >= stored.storedAt - 35 * DAY, 'too_old');
  const latest = stored.storedAt + 5 * MINUTE;
  must(common.acceptedAt <= latest && claimed <= latest, 'from_the_future');
  return event;
}

function withContent(
  kind: 'charge' | 'refund' | 'report',
  common: Common,
  at: number,
  fields: Record<string, unknown>,
): Admitted {
  if (kind === 'report') {
    const state = oneOf(fields.state, STATES);
    if (fields.error === undefined || fields.error === null) {
      return { ...common, kind, reportedAt: at, state, network: '', code: 0 };
    }
    const error = fields.error as Record<string, unknown>;
    must(typeof error === 'object', 'invalid_field');
    const network = oneOf(error.network, NETWORKS.slice(1));
    const code = error.code ?? 0;
    must(Number.isInteger(code) && (code as number) >= 0, 'invalid_field');
    return { ...common, kind, reportedAt: at, state, network, code: code as number };
  }
  const nanos = amount(fields.amount);
  const currency = fields.currency;
  must(
    typeof currency === 'string' && /^[A-Z]{3}$/.test(currency) && currency !== 'XXX',
    'invalid_field',
  );
  if (kind === 'refund') return { ...common, kind, refundedAt: at, nanos, currency };
  const segments = fields.segments;
  must(
    typeof segments === 'number' && Number.isInteger(segments) && segments >= 1 && segments <= 255,
    'invalid_field',
  );
  return { ...common, kind, chargedAt: at, segments, nanos, currency };
}

function id(value: unknown, grammar: RegExp): string {
  must(typeof value === 'string' && grammar.test(value), 'invalid_field');
  return value;
}

function oneOf(value: unknown, names: readonly string[]): string {
  must(typeof value === 'string' && names.includes(value), 'invalid_field');
  return value;
}

/** In units of 1e-9. */
function amount(value: unknown): bigint {
  must(typeof value === 'string' && /^[0-9]{1,18}(\.[0-9]{1,9})?$/.test(value), 'invalid_field');
  const [whole = '', decimals = ''] = value.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(decimals.padEnd(9, '0'));
}

const RFC3339 =
  /^(\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** Microseconds; whatever is finer is cut off. */
function instant(value: unknown): number {
  const [, civil = '', fraction = '', offset = ''] = RFC3339.exec(String(value)) ?? [];
  const seconds = Date.parse(`${civil}Z`) / 1000;
  // Date rolls a 30th of February over, so the text must come back unchanged.
  const real = !Number.isNaN(seconds) && new Date(seconds * 1000).toISOString().startsWith(civil);
  must(typeof value === 'string' && real, 'invalid_field');
  const minutes = offset === 'Z' ? 0 : Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4));
  const east = offset.startsWith('-') ? -minutes : minutes;
  return (seconds - east * 60) * 1e6 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

function fromJson(payload: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    throw new Refusal('malformed');
  }
  must(typeof value === 'object' && value !== null && !Array.isArray(value), 'malformed');
  must(!namesIn(value).some((name) => FORBIDDEN.has(name)), 'forbidden_field');
  return value as Record<string, unknown>;
}

/** All field names at any depth, in lower case without `_` and `-`. */
function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value)
    ? []
    : Object.keys(value).map((name) => name.toLowerCase().replace(/[_-]/g, ''));
  return [...own, ...Object.values(value).flatMap(namesIn)];
}

/** The same fields as in JSON, its enums by name. */
function fromProtobuf(
  kind: 'charge' | 'refund' | 'report',
  payload: Uint8Array,
): Record<string, unknown> {
  try {
    if (kind === 'charge') {
      const event = MessageCharged.decode(payload);
      return { ...event, ...texts(event), chargedAt: text(event.chargedAt) };
    }
    if (kind === 'refund') {
      const event = MessageRefunded.decode(payload);
      return { ...event, ...texts(event), refundedAt: text(event.refundedAt) };
    }
    const event = DeliveryReported.decode(payload);
    const { error } = event;
    return {
      ...event,
      ...texts(event),
      reportedAt: text(event.reportedAt),
      // The enum gives SCHEDULED, SMPP's 0, the number 10.
      state: event.state === 10 ? 'SCHEDULED' : event.state === 0 ? '' : STATES[event.state],
      error: error && { network: NETWORKS[error.network], code: error.code },
    };
  } catch {
    throw new Refusal('malformed');
  }
}

function texts(event: { acceptedAt: { seconds: bigint; nanos: number } | undefined }) {
  return { acceptedAt: text(event.acceptedAt) };
}

function text(at: { seconds: bigint; nanos: number } | undefined): string | undefined {
  if (at === undefined) return undefined;
  const civil = new Date(Number(at.seconds) * 1000).toISOString().slice(0, 19);
  return `${civil}.${String(at.nanos).padStart(9, '0')}Z`;
}

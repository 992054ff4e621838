// Events that the contract refuses, made from good ones: what a producer's bug looks like.
// Ingestion must dead-letter each of them without a trace of its payload. The numbers are
// fictitious.

import { encode, PLAIN, type SmsEvent, subjectOf, toJson } from './event.js';
import type { Random } from './random.js';

/** A way of breaking the contract; the names are this generator's own. */
export const SPOILINGS = [
  'forbidden_field',
  'forbidden_field_nested',
  'bad_amount',
  'account_like_msisdn',
  'malformed_json',
  'unknown_subject',
  'missing_field',
  'no_offset',
  'too_old',
  'from_the_future',
  'nul_in_id',
  'unknown_state',
  'bad_currency',
  'truncated_protobuf',
] as const;

/** One of {@link SPOILINGS}. */
export type Spoiling = (typeof SPOILINGS)[number];

/** Something to publish that must be refused. */
export interface Spoilt {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly contentType: string;
}

const DAY_MICROS = 86_400_000_000;
const BAD_AMOUNTS = ['-1.00', 'NaN', '1,000.00', '1e400', '0.0000000001', '-0', ''] as const;

/** A broken copy of the event, of one kind or of a kind drawn by lot. */
export function spoil(event: SmsEvent, draw: Random, how?: Spoiling): Spoilt {
  const kind = how ?? SPOILINGS[draw.between(0, SPOILINGS.length - 1)] ?? 'malformed_json';
  if (kind === 'truncated_protobuf') {
    const payload = encode(event, { ...PLAIN, binary: true });
    const contentType = 'application/protobuf';
    return { subject: subjectOf(event), payload: payload.slice(0, -5), contentType };
  }
  const text = JSON.stringify(spoiltJson(event, kind, draw));
  const payload = new TextEncoder().encode(
    kind === 'malformed_json' ? text.slice(0, text.length - draw.between(1, 40)) : text,
  );
  const subject =
    kind === 'unknown_subject' ? subjectOf(event).replace('.v1.', '.v2.') : subjectOf(event);
  return { subject, payload, contentType: 'application/json' };
}

function spoiltJson(event: SmsEvent, kind: Spoiling, draw: Random): unknown {
  const json = toJson(event);
  const phone = `1555${draw.between(1_000_000, 9_999_999)}`;
  switch (kind) {
    case 'forbidden_field':
      return { ...json, msisdn: phone };
    case 'forbidden_field_nested':
      return { ...json, meta: { route: [{ 'Phone-Number': `+${phone}` }] } };
    case 'account_like_msisdn':
      return { ...json, accountId: phone };
    case 'bad_amount':
      return { ...json, ...badMoney(event, draw) };
    case 'bad_currency':
      return event.kind === 'reported' ? { ...json, state: 2.5 } : { ...json, currency: 'eur' };
    case 'missing_field':
      return { ...json, messageId: undefined };
    case 'no_offset':
      return { ...json, acceptedAt: String(json.acceptedAt).replace('Z', '') };
    case 'too_old':
      return toJson(moved(event, -40 * DAY_MICROS));
    case 'from_the_future':
      return toJson(moved(event, 400 * DAY_MICROS));
    case 'nul_in_id':
      return { ...json, eventId: `${event.eventId}\u0000` };
    case 'unknown_state':
      return event.kind === 'reported' ? { ...json, state: 'LOST' } : { ...json, eventId: '' };
    default:
      return json;
  }
}

function badMoney(event: SmsEvent, draw: Random): Record<string, unknown> {
  if (event.kind === 'reported') return { error: { network: 'MORSE', code: 1 } };
  return { amount: BAD_AMOUNTS[draw.between(0, BAD_AMOUNTS.length - 1)] };
}

function moved(event: SmsEvent, micros: number): SmsEvent {
  return {
    ...event,
    acceptedAt: event.acceptedAt + micros,
    occurredAt: event.occurredAt + micros,
  };
}

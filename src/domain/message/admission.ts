// The rules that make a decoded event an admitted one (contract, sections 1 and 2): the same for
// the JSON and the protobuf form. Judged against the event's stream timestamp and nothing else, so
// that a replay judges as the first delivery did.

import { type Nanos, parseAmount } from '../measures/decimal.js';
import { type EpochMicros, MICROS_PER_DAY, MICROS_PER_MINUTE } from '../time/instant.js';
import { isCurrency } from './currency.js';
import type { EventField, Refusal, ValidIds } from './dead-letter.js';
import type { AdmittedEvent, EventSource } from './event.js';
import {
  canonicalUuid,
  DEFAULT_MSISDN_RULE,
  isEventId,
  isPartyId,
  looksLikeMsisdn,
  type MsisdnRule,
} from './identifiers.js';
import type { NetworkNumber, StateNumber } from './outcome.js';

/** Oldest acceptance that is counted, in days before the stream timestamp (contract, section 2). */
export const ACCEPTANCE_WINDOW_DAYS = 35;
/** How far the gateway's clock may be ahead of the stream's (contract, section 2). */
export const CLOCK_SKEW_MINUTES = 5;

const ACCEPTANCE_WINDOW_MICROS = ACCEPTANCE_WINDOW_DAYS * MICROS_PER_DAY;
const CLOCK_SKEW_MICROS = CLOCK_SKEW_MINUTES * MICROS_PER_MINUTE;
const MAX_SEGMENTS = 255;

/** Which event a subject promises. */
export type EventKind = AdmittedEvent['kind'];

/**
 * What was read of an event. `undefined` means missing or not of the field's type: both are refused
 * alike, except `error`, which may be missing.
 */
export interface EventFields {
  eventId: string | undefined;
  messageId: string | undefined;
  accountId: string | undefined;
  operatorId: string | undefined;
  acceptedAt: EpochMicros | undefined;
  /** `chargedAt`, `refundedAt` or `reportedAt`. */
  occurredAt: EpochMicros | undefined;
  /** uint32. */
  segments: number | undefined;
  amount: string | undefined;
  currency: string | undefined;
  /** SMPP number. */
  state: StateNumber | undefined;
  error: 'absent' | 'present' | 'invalid';
  /** Never 0 where an error is present: the zero of the enum is "not given". */
  network: NetworkNumber | undefined;
  /** uint32; 0 where an error has none. */
  code: number | undefined;
}

/** Where the rules can be configured. */
export interface AdmissionRules {
  readonly msisdn: MsisdnRule;
}

/** The contract's rules. */
export const DEFAULT_ADMISSION_RULES: AdmissionRules = { msisdn: DEFAULT_MSISDN_RULE };

const TIME_FIELD = {
  charged: 'chargedAt',
  refunded: 'refundedAt',
  reported: 'reportedAt',
} as const satisfies Record<EventKind, EventField>;

/**
 * The event of `fields`, or the first reason against it: invalid fields in the contract's order,
 * then ids that look like phone numbers, then time. Timestamps before `acceptedAt` are raised to
 * it.
 */
export function admit(
  kind: EventKind,
  fields: EventFields,
  streamTimestamp: EpochMicros,
  source: EventSource,
  rules: AdmissionRules,
): AdmittedEvent | Refusal {
  const { eventId, accountId, operatorId, acceptedAt, occurredAt } = fields;
  const messageId = fields.messageId === undefined ? undefined : canonicalUuid(fields.messageId);
  if (eventId === undefined || !isEventId(eventId)) return invalid('eventId', fields, rules);
  if (messageId === undefined) return invalid('messageId', fields, rules);
  if (accountId === undefined || !isPartyId(accountId)) return invalid('accountId', fields, rules);
  if (operatorId === undefined || !isPartyId(operatorId)) {
    return invalid('operatorId', fields, rules);
  }
  if (acceptedAt === undefined) return invalid('acceptedAt', fields, rules);
  if (occurredAt === undefined) return invalid(TIME_FIELD[kind], fields, rules);
  const amount = kind === 'reported' ? 0n : amountOf(fields);
  const fault = kind === 'reported' ? reportFault(fields) : chargeFault(kind, fields, amount);
  if (fault !== undefined) return invalid(fault, fields, rules);
  const phone = msisdnField(eventId, accountId, operatorId, rules.msisdn);
  if (phone !== undefined) return refuse('looks_like_msisdn', phone, fields, rules);
  if (acceptedAt < streamTimestamp - ACCEPTANCE_WINDOW_MICROS) {
    return refuse('too_old', 'acceptedAt', fields, rules);
  }
  const latest = streamTimestamp + CLOCK_SKEW_MICROS;
  if (acceptedAt > latest) return refuse('from_the_future', 'acceptedAt', fields, rules);
  if (occurredAt > latest) return refuse('from_the_future', TIME_FIELD[kind], fields, rules);

  const at = Math.max(acceptedAt, occurredAt);
  const currency = fields.currency as string;
  const head = { eventId, messageId, accountId, operatorId, acceptedAt, source };
  if (kind === 'charged') {
    const segments = fields.segments as number;
    return { kind, ...head, chargedAt: at, segments, amount: amount as Nanos, currency };
  }
  if (kind === 'refunded') {
    return { kind, ...head, refundedAt: at, amount: amount as Nanos, currency };
  }
  const { state, network, code } = fields;
  return {
    kind,
    ...head,
    reportedAt: at,
    state: state as StateNumber,
    network: network ?? 0,
    code: code ?? 0,
  };
}

function amountOf(fields: EventFields): Nanos | undefined {
  return fields.amount === undefined ? undefined : parseAmount(fields.amount);
}

function chargeFault(
  kind: EventKind,
  fields: EventFields,
  amount: Nanos | undefined,
): EventField | undefined {
  const { segments, currency } = fields;
  if (
    kind === 'charged' &&
    !(segments !== undefined && segments >= 1 && segments <= MAX_SEGMENTS)
  ) {
    return 'segments';
  }
  if (amount === undefined) return 'amount';
  return currency === undefined || !isCurrency(currency) ? 'currency' : undefined;
}

function reportFault(fields: EventFields): EventField | undefined {
  if (fields.state === undefined) return 'state';
  if (fields.error === 'absent') return undefined;
  if (fields.error === 'invalid') return 'error';
  if (fields.network === undefined || fields.network === 0) return 'error.network';
  return fields.code === undefined ? 'error.code' : undefined;
}

function msisdnField(
  eventId: string,
  accountId: string,
  operatorId: string,
  rule: MsisdnRule,
): EventField | undefined {
  if (looksLikeMsisdn(eventId, rule)) return 'eventId';
  if (looksLikeMsisdn(accountId, rule)) return 'accountId';
  return looksLikeMsisdn(operatorId, rule) ? 'operatorId' : undefined;
}

function invalid(field: EventField, fields: EventFields, rules: AdmissionRules): Refusal {
  return refuse('invalid_field', field, fields, rules);
}

function refuse(
  reason: Refusal['reason'],
  field: EventField,
  fields: EventFields,
  rules: AdmissionRules,
): Refusal {
  return { reason, field, ids: validIdsOf(fields, rules) };
}

/** The ids that may be recorded: each valid by itself and none that looks like a phone number. */
export function validIdsOf(fields: EventFields, rules: AdmissionRules): ValidIds {
  const { eventId, accountId, operatorId } = fields;
  const messageId = fields.messageId === undefined ? undefined : canonicalUuid(fields.messageId);
  const ids: { -readonly [Id in keyof ValidIds]: string } = {};
  if (eventId !== undefined && isEventId(eventId) && !looksLikeMsisdn(eventId, rules.msisdn)) {
    ids.eventId = eventId;
  }
  if (messageId !== undefined) ids.messageId = messageId;
  if (accountId !== undefined && isRecordableParty(accountId, rules)) ids.accountId = accountId;
  if (operatorId !== undefined && isRecordableParty(operatorId, rules)) ids.operatorId = operatorId;
  return ids;
}

function isRecordableParty(id: string, rules: AdmissionRules): boolean {
  return isPartyId(id) && !looksLikeMsisdn(id, rules.msisdn);
}

// Why an event is not counted, as a closed union: every refusal in decoding and every displaced
// charge or refund ends as one of these, acknowledged and recorded without its payload.

/** All reasons, in the order in which they are judged. */
export const DEAD_LETTER_REASONS = [
  'unknown_subject',
  'too_large',
  'malformed',
  'forbidden_field',
  'invalid_field',
  'looks_like_msisdn',
  'too_old',
  'from_the_future',
  'day_missing',
  'conflict',
  'unstorable',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** One line per reason, for people. */
export const DEAD_LETTER_MEANING: Readonly<Record<DeadLetterReason, string>> = {
  unknown_subject: 'no event of the contract is published on this subject',
  too_large: 'the payload is over 64 KiB',
  malformed: 'the payload is not the JSON or protobuf form that its content type promises',
  forbidden_field: 'the payload has a field that may carry a phone number or message text',
  invalid_field: 'a field is missing or breaks its rule',
  looks_like_msisdn: 'an id is 9 to 15 digits once . _ : - are taken out',
  too_old: 'acceptedAt is more than 35 days before the stream timestamp',
  from_the_future: 'a timestamp is more than 5 minutes after the stream timestamp',
  day_missing: 'the ledger day of acceptedAt is missing while its rollups count messages',
  conflict: 'another charge of the message, or content of the refund, is the least',
  unstorable: 'the database refuses this event alone',
};

/** The contract's fields, by their JSON names: all that a refusal may name. */
export const EVENT_FIELDS = [
  'eventId',
  'messageId',
  'accountId',
  'operatorId',
  'acceptedAt',
  'chargedAt',
  'refundedAt',
  'reportedAt',
  'segments',
  'amount',
  'currency',
  'state',
  'error',
  'error.network',
  'error.code',
] as const;
export type EventField = (typeof EVENT_FIELDS)[number];

/** The ids of a refused event that are valid by themselves; nothing else of it may be recorded. */
export interface ValidIds {
  readonly eventId?: string;
  readonly messageId?: string;
  readonly accountId?: string;
  readonly operatorId?: string;
}

/** An event that was judged and not admitted. No retry can cure it. */
export interface Refusal {
  readonly reason: DeadLetterReason;
  /** The first field at fault, where there is one. */
  readonly field?: EventField;
  readonly ids: ValidIds;
}

// What the readers of both forms hand to the rules: fields as they were found, nothing judged yet,
// and enum values in the domain's numbers. The protobuf enum has SCHEDULED at 10, because proto3
// reserves the zero; the domain orders by SMPP's numbers, where it is 0.
import type { EventFields } from './admission.js';
import { NETWORK_NAMES, type NetworkNumber, STATE_NAMES, type StateNumber } from './outcome.js';

/** Largest payload of an event, in bytes (contract, section 1). */
export const MAX_PAYLOAD_BYTES = 64 * 1024;

/** `MessageState.SCHEDULED` of proto/sms/events/v1/events.proto. */
const SCHEDULED_IN_PROTO = 10;

/** What was found; a fault concerns the payload as a whole and comes before any field's. */
export type Reading =
  | { readonly fault: 'malformed' }
  | {
      readonly fault: 'forbidden_field' | undefined;
      readonly fields: EventFields;
      /** Fields that the contract does not have. */
      readonly unknownFields: number;
    };

/** The payload is not of the form that its content type promises. */
export const MALFORMED = { fault: 'malformed' } as const satisfies Reading;

/** Fields of an event of which nothing was found. */
export function emptyFields(): EventFields {
  return {
    eventId: undefined,
    messageId: undefined,
    accountId: undefined,
    operatorId: undefined,
    acceptedAt: undefined,
    occurredAt: undefined,
    segments: undefined,
    amount: undefined,
    currency: undefined,
    state: undefined,
    error: 'absent',
    network: undefined,
    code: undefined,
  };
}

const stateByName = new Map(STATE_NAMES.map((name, number) => [name as string, number]));
const networkByName = new Map(NETWORK_NAMES.map((name, number) => [name as string, number]));

/** The state of a name such as `DELIVERED`, or undefined. */
export function stateOfName(name: string): StateNumber | undefined {
  return stateByName.get(name) as StateNumber | undefined;
}

/** The state of a number of the protobuf enum, or undefined for 0 and unknown numbers. */
export function stateOfEnum(value: number): StateNumber | undefined {
  if (value === SCHEDULED_IN_PROTO) return 0;
  return Number.isInteger(value) && value >= 1 && value <= 9 ? (value as StateNumber) : undefined;
}

/** The network of a name such as `GSM_MAP`, or undefined. */
export function networkOfName(name: string): NetworkNumber | undefined {
  return name === '' ? undefined : (networkByName.get(name) as NetworkNumber | undefined);
}

/** The network of a number of the protobuf enum, or undefined for 0 and unknown numbers. */
export function networkOfEnum(value: number): NetworkNumber | undefined {
  return Number.isInteger(value) && value >= 1 && value <= 3 ? (value as NetworkNumber) : undefined;
}

// What the readers of both forms hand to the rules: fields as they were found, nothing judged yet.
import type { EventFields } from '../../domain/message/admission.js';

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
export const MALFORMED: Reading = { fault: 'malformed' };

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

// Status callbacks of Twilio: a form with `MessageSid`, `MessageStatus` and `ErrorCode`.

import {
  type Parsed,
  received,
  refused,
  type StateName,
  stateOf,
  textOf,
  vendorError,
} from './receipt.js';

const STATES: ReadonlyMap<string, StateName> = new Map([
  ['DELIVERED', 'DELIVERED'],
  ['UNDELIVERED', 'UNDELIVERABLE'],
  ['FAILED', 'UNDELIVERABLE'],
  ['QUEUED', 'ENROUTE'],
  ['SENDING', 'ENROUTE'],
  ['SENT', 'ENROUTE'],
  ['ACCEPTED', 'ACCEPTED'],
]);

/** The receipt of one callback. */
export function twilioReceipt(form: unknown): Parsed {
  const status = textOf(form, 'MessageStatus');
  if (status === undefined) return refused('no_state');
  return received(stateOf(status, STATES), {
    error: vendorError(textOf(form, 'ErrorCode')),
    networkIds: [textOf(form, 'MessageSid')],
  });
}

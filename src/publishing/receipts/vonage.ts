// Delivery receipts of Vonage: a query, a form or JSON with the same names.

import {
  fieldOf,
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
  ['FAILED', 'UNDELIVERABLE'],
  ['REJECTED', 'REJECTED'],
  ['EXPIRED', 'EXPIRED'],
  ['UNKNOWN', 'UNKNOWN'],
  ['ACCEPTED', 'ACCEPTED'],
  ['BUFFERED', 'ENROUTE'],
  ['SUBMITTED', 'ENROUTE'],
]);

/** The receipt of one callback. */
export function vonageReceipt(callback: unknown): Parsed {
  const status = textOf(callback, 'status');
  if (status === undefined) return refused('no_state');
  return received(stateOf(status, STATES), {
    error: vendorError(fieldOf(callback, 'err-code')),
    networkIds: [textOf(callback, 'messageId')],
    reportedTime: textOf(callback, 'scts'),
  });
}

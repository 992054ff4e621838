// Delivery reports of Sinch, for batches of one recipient: the report of a recipient, or that of a
// batch whose only status has one recipient.

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
  ['ABORTED', 'UNDELIVERABLE'],
  ['REJECTED', 'REJECTED'],
  ['EXPIRED', 'EXPIRED'],
  ['CANCELLED', 'DELETED'],
  ['DELETED', 'DELETED'],
  ['UNKNOWN', 'UNKNOWN'],
  ['QUEUED', 'ENROUTE'],
  ['DISPATCHED', 'ENROUTE'],
]);

/** The receipt of one callback. */
export function sinchReceipt(body: unknown): Parsed {
  const statuses = fieldOf(body, 'statuses');
  if (statuses !== undefined && !Array.isArray(statuses)) return refused('not_a_receipt');
  if (statuses !== undefined && (statuses.length !== 1 || fieldOf(statuses[0], 'count') !== 1)) {
    return refused('too_many_results');
  }
  const report: unknown = statuses === undefined ? body : statuses[0];
  const status = textOf(report, 'status');
  if (status === undefined) return refused('no_state');
  return received(stateOf(status, STATES), {
    error: vendorError(fieldOf(report, 'code')),
    networkIds: [textOf(body, 'batch_id')],
    reportedTime: textOf(body, 'at'),
  });
}

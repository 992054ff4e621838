// Delivery reports of Infobip: JSON with up to 100 results, each with the `callbackData` that was
// given when its message was sent.

import {
  fieldOf,
  type Parsed,
  type ReceiptRefusal,
  received,
  refused,
  type StateName,
  stateOf,
  textOf,
  vendorError,
} from './receipt.js';

/** One result: its receipt, and what says which message it is about. */
export interface InfobipResult {
  readonly callbackData: string | undefined;
  readonly parsed: Parsed;
}

const MOST_RESULTS = 100;

const STATES: ReadonlyMap<string, StateName> = new Map([
  ['DELIVERED', 'DELIVERED'],
  ['UNDELIVERABLE', 'UNDELIVERABLE'],
  ['EXPIRED', 'EXPIRED'],
  ['REJECTED', 'REJECTED'],
  ['PENDING', 'ENROUTE'],
]);

/** The receipts of one callback, in its order, or why there are none. */
export function infobipReceipts(
  body: unknown,
): { ok: true; results: readonly InfobipResult[] } | { ok: false; refusal: ReceiptRefusal } {
  const results = fieldOf(body, 'results');
  if (!Array.isArray(results) || results.length === 0) {
    return { ok: false, refusal: 'not_a_receipt' };
  }
  if (results.length > MOST_RESULTS) return { ok: false, refusal: 'too_many_results' };
  return {
    ok: true,
    results: results.map((result: unknown) => ({
      callbackData: textOf(result, 'callbackData'),
      parsed: resultOf(result),
    })),
  };
}

function resultOf(result: unknown): Parsed {
  const group = textOf(fieldOf(result, 'status'), 'groupName');
  if (group === undefined) return refused('no_state');
  return received(stateOf(group, STATES), {
    error: vendorError(fieldOf(fieldOf(result, 'error'), 'id')),
    networkIds: [textOf(result, 'messageId')],
    reportedTime: textOf(result, 'doneAt'),
  });
}

// Callbacks of Kannel's `dlr-url`: the parameters are named like Kannel's escape codes. `%p`, `%P`
// and `%b` are numbers and text; a URL that asks for them is refused.

import { type Parsed, received, refused, type StateName, textOf, UNLISTED } from './receipt.js';
import { receiptText, type SmppOptions } from './smpp.js';

/** `%d` is a mask: 1 delivered, 2 failed, 4 queued, 8 at the SMSC, 16 refused by it; sums occur. */
const STATES: ReadonlyMap<string, StateName> = new Map([
  ['1', 'DELIVERED'],
  ['9', 'DELIVERED'],
  ['2', 'UNDELIVERABLE'],
  ['34', 'EXPIRED'],
  ['66', 'UNKNOWN'],
  ['16', 'REJECTED'],
  ['18', 'REJECTED'],
  ['4', 'ENROUTE'],
  ['8', 'ENROUTE'],
  ['12', 'ENROUTE'],
]);

const FORBIDDEN = ['p', 'P', 'b'];

/** The receipt of one callback: `d`, `A` (the SMSC's own answer), `F`, `I` and `T`. */
export function kannelReceipt(query: unknown, options: SmppOptions = {}): Parsed {
  if (FORBIDDEN.some((name) => textOf(query, name) !== undefined)) {
    return refused('forbidden_parameter');
  }
  const mask = textOf(query, 'd');
  if (mask === undefined) return refused('no_state');
  const state = STATES.get(mask);
  const answer = receiptText(textOf(query, 'A') ?? '', options);
  const said = answer.ok ? answer.receipt : undefined;
  return received(state === undefined ? UNLISTED : { state, listed: true }, {
    error: said?.error,
    networkIds: [textOf(query, 'F'), ...(said?.networkIds ?? []), textOf(query, 'I')],
    reportedTime: textOf(query, 'T'),
  });
}

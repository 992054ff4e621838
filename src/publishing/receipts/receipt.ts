// What a gateway's delivery receipt says, without the number and the text that it carries. The law
// of every parser here: nothing but an explicit word for delivered becomes DELIVERED, because that
// state wins for good in the ledger. Parsers never throw.

import type { STATE_NAMES } from '../../domain/message/outcome.js';

/** SMPP's name of a message state. */
export type StateName = (typeof STATE_NAMES)[number];

/** Why a message did not arrive, by the list of the network that said so; code 0 is no code. */
export interface ReceiptError {
  readonly network: 'GSM_MAP' | 'SMPP' | 'VENDOR';
  /** uint32. */
  readonly code: number;
}

/** One report about one message. */
export interface Receipt {
  readonly state: StateName;
  /** False where the gateway's word is not listed; the state is UNKNOWN then. */
  readonly listed: boolean;
  readonly error: ReceiptError | undefined;
  /** The network's id of the message as written: one may be the other in another notation. */
  readonly networkIds: readonly string[];
  /** When the gateway says that it happened, as written. It has no zone and is often wrong. */
  readonly reportedTime: string | undefined;
}

/** Why a callback is no receipt. */
export type ReceiptRefusal =
  /** It is something else: a message, an empty form, JSON of another shape. */
  | 'not_a_receipt'
  /** It names no state. */
  | 'no_state'
  /** It carries a number or a text where the callback URL must not ask for it. */
  | 'forbidden_parameter'
  /** It is about more messages than one callback may be. */
  | 'too_many_results';

/** A receipt, or why there is none. */
export type Parsed =
  | { readonly ok: true; readonly receipt: Receipt }
  | { readonly ok: false; readonly refusal: ReceiptRefusal };

export function refused(refusal: ReceiptRefusal): Parsed {
  return { ok: false, refusal };
}

/** A receipt with what was found; what was not found stays out. */
export function received(
  word: { readonly state: StateName; readonly listed: boolean },
  found: {
    readonly error?: ReceiptError | undefined;
    readonly networkIds?: readonly unknown[];
    readonly reportedTime?: unknown;
  } = {},
): Parsed {
  const networkIds = (found.networkIds ?? []).flatMap((id) => identifierOf(id) ?? []);
  const reportedTime = identifierOf(found.reportedTime);
  return {
    ok: true,
    receipt: { ...word, error: found.error, networkIds: [...new Set(networkIds)], reportedTime },
  };
}

/** What is never a state: a word that the list does not have. */
export const UNLISTED = { state: 'UNKNOWN', listed: false } as const;

/**
 * The state of a gateway's word, by its list of upper-case words. ASCII letters only: upper-casing
 * turns the dotless `ı` into `I` and would make `delıvrd` a delivery.
 */
export function stateOf(
  word: string,
  states: ReadonlyMap<string, StateName>,
): { readonly state: StateName; readonly listed: boolean } {
  if (!/^[A-Za-z_]{1,32}$/.test(word)) return UNLISTED;
  const state = states.get(word.toUpperCase());
  return state === undefined ? UNLISTED : { state, listed: true };
}

/**
 * A code of the gateway's own list. Zero is none; what is no number is code 0, so that it shows
 * that there was one.
 */
export function vendorError(written: unknown, base: 10 | 16 = 10): ReceiptError | undefined {
  const text = typeof written === 'number' ? String(written) : written;
  if (typeof text !== 'string' || text.trim() === '') return undefined;
  const digits = base === 16 ? /^[0-9a-f]{1,16}$/i : /^[0-9]{1,16}$/;
  if (!digits.test(text.trim())) return { network: 'VENDOR', code: 0 };
  const code = Number.parseInt(text.trim(), base);
  if (code === 0) return undefined;
  return { network: 'VENDOR', code: code <= 0xffff_ffff ? code : 0 };
}

/** A short printable word as written; anything else is left out. */
function identifierOf(written: unknown): string | undefined {
  const text = typeof written === 'number' ? String(written) : written;
  return typeof text === 'string' && /^[\x21-\x7e]{1,128}$/.test(text) ? text : undefined;
}

/** A field of a parsed form or JSON object; own properties only. */
export function fieldOf(from: unknown, name: string): unknown {
  if (typeof from !== 'object' || from === null || !Object.hasOwn(from, name)) return undefined;
  return (from as Record<string, unknown>)[name];
}

/** A text field; undefined where it is missing, empty or something else. */
export function textOf(from: unknown, name: string): string | undefined {
  const value = fieldOf(from, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

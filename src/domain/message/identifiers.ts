// The grammar of ids, and the guard against phone numbers that pass for ids. Every pattern is
// anchored and has no repetition inside another: it takes linear time. Without the flag `m`, `$`
// matches at the end of the text alone, never before a line break.

/** How many digits make an id look like a phone number (E.164: at most 15), or no such rule. */
export type MsisdnRule = { readonly minDigits: number; readonly maxDigits: number } | 'off';

/** The contract's rule. */
export const DEFAULT_MSISDN_RULE: MsisdnRule = { minDigits: 9, maxDigits: 15 };

const EVENT_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const PARTY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const UUID = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;
const DIGITS_AND_PUNCTUATION = /^[0-9._:-]*$/;
const PUNCTUATION = /[._:-]+/g;

/** True for 1 to 128 of `[A-Za-z0-9._:-]`. */
export function isEventId(text: string): boolean {
  return EVENT_ID.test(text);
}

/** True for 1 to 64 of `[A-Za-z0-9._-]`, the first alphanumeric: an account's or operator's id. */
export function isPartyId(text: string): boolean {
  return PARTY_ID.test(text);
}

/**
 * The lower-case canonical text of a UUID (RFC 9562, section 4), or undefined. Upper-case digits
 * are the same UUID; any version and variant is accepted, braces and missing hyphens are not.
 */
export function canonicalUuid(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}

/**
 * True where `text` is digits alone once `.`, `_`, `:` and `-` are taken out, as many as the rule
 * says.
 */
export function looksLikeMsisdn(text: string, rule: MsisdnRule): boolean {
  if (rule === 'off' || !DIGITS_AND_PUNCTUATION.test(text)) return false;
  const digits = text.replace(PUNCTUATION, '').length;
  return digits >= rule.minDigits && digits <= rule.maxDigits;
}

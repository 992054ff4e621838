// The grammar of ids, and the guard against phone numbers that pass for ids. Character loops rather
// than patterns: they run for every event and cannot backtrack.

/** How many digits make an id look like a phone number (E.164: at most 15), or no such rule. */
export type MsisdnRule = { readonly minDigits: number; readonly maxDigits: number } | 'off';

/** The contract's rule. */
export const DEFAULT_MSISDN_RULE: MsisdnRule = { minDigits: 9, maxDigits: 15 };

const EVENT_ID_MAX_LENGTH = 128;
const ID_MAX_LENGTH = 64;

const ALPHANUMERIC = 1;
const PUNCTUATION = 2;
const COLON = 4;
const CHAR_KINDS = charKinds();

function charKinds(): Uint8Array {
  const kinds = new Uint8Array(128);
  for (let char = 0; char < 128; char++) {
    if (/[A-Za-z0-9]/.test(String.fromCharCode(char))) kinds[char] = ALPHANUMERIC;
  }
  for (const char of '._-') kinds[char.charCodeAt(0)] = PUNCTUATION;
  kinds[':'.charCodeAt(0)] = COLON;
  return kinds;
}

function consistsOf(text: string, allowed: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char > 127 || ((CHAR_KINDS[char] as number) & allowed) === 0) return false;
  }
  return true;
}

/** True for 1 to 128 of `[A-Za-z0-9._:-]`. */
export function isEventId(text: string): boolean {
  const length = text.length;
  if (length < 1 || length > EVENT_ID_MAX_LENGTH) return false;
  return consistsOf(text, ALPHANUMERIC | PUNCTUATION | COLON);
}

/** True for 1 to 64 of `[A-Za-z0-9._-]`, the first alphanumeric: an account's or operator's id. */
export function isPartyId(text: string): boolean {
  if (text.length < 1 || text.length > ID_MAX_LENGTH) return false;
  return (
    consistsOf(text[0] as string, ALPHANUMERIC) && consistsOf(text, ALPHANUMERIC | PUNCTUATION)
  );
}

/**
 * The lower-case canonical text of a UUID (RFC 9562, section 4), or undefined. Upper-case digits
 * are the same UUID; any version and variant is accepted, braces and missing hyphens are not.
 */
export function canonicalUuid(text: string): string | undefined {
  if (text.length !== 36) return undefined;
  let upper = false;
  for (let at = 0; at < 36; at++) {
    const char = text.charCodeAt(at);
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (char !== 0x2d) return undefined;
    } else if (char >= 0x41 && char <= 0x46) {
      upper = true;
    } else if (!((char >= 0x30 && char <= 0x39) || (char >= 0x61 && char <= 0x66))) {
      return undefined;
    }
  }
  return upper ? text.toLowerCase() : text;
}

/**
 * True where `text` is digits alone once `.`, `_`, `:` and `-` are taken out, as many as the rule
 * says.
 */
export function looksLikeMsisdn(text: string, rule: MsisdnRule): boolean {
  if (rule === 'off') return false;
  let digits = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char >= 0x30 && char <= 0x39) digits++;
    else if (char > 127 || ((CHAR_KINDS[char] as number) & (PUNCTUATION | COLON)) === 0)
      return false;
  }
  return digits >= rule.minDigits && digits <= rule.maxDigits;
}

// Which message a callback is about, signed, so that a gateway carries it and cannot change it:
// message, account, operator and when it was accepted, in characters that need no escape in a URL.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** The message of a callback. */
export interface MessageReference {
  /** A UUID. */
  readonly messageId: string;
  readonly accountId: string;
  readonly operatorId: string;
  /** Microseconds since 1970, UTC. */
  readonly acceptedAt: number;
}

/** Why a reference is not taken. */
export type ReferenceRefusal = 'malformed' | 'forged' | 'expired';

/** A ledger day is kept for 35 days; later reports change nothing (contract, section 7). */
const VALID_MICROS = 35 * 86_400 * 1e6;
/** As far as the clocks of two machines may be apart. */
const AHEAD_MICROS = 10 * 60 * 1e6;
/** HMAC-SHA-256 keys below its output's length weaken it (RFC 2104, section 3). */
const SHORTEST_KEY = 32;

const ID = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}';
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const FORM = new RegExp(`^((${UUID})~(${ID})~(${ID})~([0-9]{1,16}))~([A-Za-z0-9_-]{43})$`);

/**
 * The reference as a token of at most 230 characters of `[A-Za-z0-9._~-]`.
 *
 * @throws {TypeError} a key is shorter than 32 bytes, or a part is not of the contract's form
 */
export function signReference(reference: MessageReference, key: Uint8Array): string {
  checkKey(key);
  const { messageId, accountId, operatorId, acceptedAt } = reference;
  const said = [messageId.toLowerCase(), accountId, operatorId, acceptedAt].join('~');
  const token = `${said}~${macOf(said, key).toString('base64url')}`;
  if (!FORM.test(token)) throw new TypeError('the reference has a part that the contract refuses');
  return token;
}

/**
 * The message of a token, if one of `keys` signed it and it was accepted within 35 days before
 * `now` (microseconds). Two keys during a rotation.
 *
 * @throws {TypeError} a key is shorter than 32 bytes
 */
export function readReference(
  token: string,
  keys: readonly Uint8Array[],
  now: number,
):
  | { ok: true; reference: MessageReference; token: string }
  | { ok: false; refusal: ReferenceRefusal } {
  keys.forEach(checkKey);
  const [, said, messageId, accountId, operatorId, accepted, mac] = FORM.exec(token) ?? [];
  if (!said || !messageId || !accountId || !operatorId || !mac) {
    return { ok: false, refusal: 'malformed' };
  }
  const given = Buffer.from(mac, 'base64url');
  const signed = keys.some((key) => timingSafeEqual(macOf(said, key), given));
  if (!signed || given.toString('base64url') !== mac) return { ok: false, refusal: 'forged' };
  const acceptedAt = Number(accepted);
  const age = now - acceptedAt;
  if (age > VALID_MICROS || age < -AHEAD_MICROS) return { ok: false, refusal: 'expired' };
  return { ok: true, reference: { messageId, accountId, operatorId, acceptedAt }, token };
}

function macOf(said: string, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(`sms-analytics receipt v1\n${said}`).digest();
}

function checkKey(key: Uint8Array): void {
  if (key.length < SHORTEST_KEY) throw new TypeError('a signing key has at least 32 bytes');
}

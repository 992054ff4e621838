// Signed references: what they hold, what is refused, and the URLs that carry them.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callbackUrl, infobipCallback } from '../../../src/publishing/receipts/callback-urls.js';
import { readReference, signReference } from '../../../src/publishing/receipts/reference.js';

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const ACCEPTED_AT = Date.UTC(2026, 10, 15, 12) * 1000;
const DAY = 86_400e6;
const REFERENCE = {
  messageId: '0198a6f2-5d1c-7a3e-9b4f-1c2d3e4f5e70',
  accountId: 'acme-travel',
  operatorId: '26201',
  acceptedAt: ACCEPTED_AT,
};
const TOKEN = signReference(REFERENCE, KEY);

describe('a signed reference', () => {
  test('comes back as it was, with either of two keys', () => {
    const read = { ok: true, reference: REFERENCE, token: TOKEN };
    expect(readReference(TOKEN, [KEY], ACCEPTED_AT)).toEqual(read);
    expect(readReference(TOKEN, [OTHER_KEY, KEY], ACCEPTED_AT)).toEqual(read);
  });

  test.each([
    ['of another key', TOKEN, [OTHER_KEY], ACCEPTED_AT, 'forged'],
    ['without a key', TOKEN, [], ACCEPTED_AT, 'forged'],
    ['of another account', TOKEN.replace('acme', 'acmf'), [KEY], ACCEPTED_AT, 'forged'],
    ['that is cut', TOKEN.slice(0, -1), [KEY], ACCEPTED_AT, 'malformed'],
    ['with more behind it', `${TOKEN}A`, [KEY], ACCEPTED_AT, 'malformed'],
    ['that is empty', '', [KEY], ACCEPTED_AT, 'malformed'],
    ['a moment too old', TOKEN, [KEY], ACCEPTED_AT + 35 * DAY + 1, 'expired'],
    ['of tomorrow', TOKEN, [KEY], ACCEPTED_AT - DAY, 'expired'],
  ])('%s is refused', (_, token, keys, now, refusal) => {
    expect(readReference(token, keys, now)).toEqual({ ok: false, refusal });
  });

  test('is valid for 35 days', () => {
    expect(readReference(TOKEN, [KEY], ACCEPTED_AT + 35 * DAY).ok).toBe(true);
  });

  test('is refused with any character changed', () => {
    const place = fc.nat(TOKEN.length - 1);
    const character = fc.constantFrom(...'abcdefXYZ0189._-~');
    fc.assert(
      fc.property(place, character, (at, other) => {
        const changed = TOKEN.slice(0, at) + other + TOKEN.slice(at + 1);
        return changed === TOKEN || !readReference(changed, [KEY], ACCEPTED_AT).ok;
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    [{ ...REFERENCE, messageId: '1' }],
    [{ ...REFERENCE, accountId: 'a~b' }],
    [{ ...REFERENCE, operatorId: '' }],
    [{ ...REFERENCE, acceptedAt: -1 }],
  ])('is not made of %j', (reference) => {
    expect(() => signReference(reference, KEY)).toThrow(TypeError);
  });

  test('needs a key of 32 bytes', () => {
    const short = new Uint8Array(31);
    expect(() => signReference(REFERENCE, short)).toThrow('at least 32 bytes');
    expect(() => readReference(TOKEN, [short], ACCEPTED_AT)).toThrow('at least 32 bytes');
  });
});

describe('the URL that a gateway calls', () => {
  const BRIDGE = 'http://receipt-bridge.sms:8080/';

  test.each(['jasmin', 'twilio', 'vonage', 'sinch'] as const)('%s: the reference', (gateway) => {
    expect(callbackUrl(gateway, BRIDGE, REFERENCE, KEY)).toBe(
      `http://receipt-bridge.sms:8080/v1/receipts/${gateway}?ref=${TOKEN}`,
    );
  });

  test("kannel: the reference, and Kannel's escape codes as they stand", () => {
    expect(callbackUrl('kannel', BRIDGE, REFERENCE, KEY)).toBe(
      `http://receipt-bridge.sms:8080/v1/receipts/kannel?ref=${TOKEN}&d=%d&A=%A&F=%F&I=%I&T=%T`,
    );
  });

  test('infobip: one URL, and a reference for each message', () => {
    expect(infobipCallback(BRIDGE, REFERENCE, KEY)).toEqual({
      url: 'http://receipt-bridge.sms:8080/v1/receipts/infobip',
      callbackData: TOKEN,
    });
  });

  test('is made of a URL only', () => {
    expect(() => callbackUrl('sinch', 'ftp://x', REFERENCE, KEY)).toThrow(TypeError);
  });
});

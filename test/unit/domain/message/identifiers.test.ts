import { describe, expect, it } from 'vitest';
import { CURRENCIES, isCurrency } from '../../../../src/domain/message/currency.js';
import {
  FORBIDDEN_FIELDS,
  isForbiddenField,
} from '../../../../src/domain/message/forbidden-fields.js';
import {
  canonicalUuid,
  DEFAULT_MSISDN_RULE,
  isEventId,
  isPartyId,
  looksLikeMsisdn,
} from '../../../../src/domain/message/identifiers.js';

const UUID = '0193a5f2-7c1e-7d3a-9b4c-5e6f70819203';

describe('ids', () => {
  it.each(['a', '0', '_', ':', 'evt-1.2:3_4', 'A'.repeat(128)])('%.20j is an event id', (id) => {
    expect(isEventId(id)).toBe(true);
  });

  it.each(['', 'A'.repeat(129), 'a b', 'a+', 'a/b', 'a\u0000', 'é', 'a\n', 'ａ'])(
    '%.20j is no event id',
    (id) => expect(isEventId(id)).toBe(false),
  );

  it.each(['a', '41220', 'acme-1.x_y', '9'.repeat(64)])('%.20j is an account id', (id) => {
    expect(isPartyId(id)).toBe(true);
  });

  it.each(['', '-a', '.a', '_a', 'a:b', 'a b', 'A'.repeat(65), 'a\u0000', 'a\u200b', 'а'])(
    '%.20j is no account id',
    (id) => expect(isPartyId(id)).toBe(false),
  );

  it('of messages are UUIDs, told apart without regard to case', () => {
    expect(canonicalUuid(UUID)).toBe(UUID);
    expect(canonicalUuid(UUID.toUpperCase())).toBe(UUID);
  });

  it.each([
    '',
    `{${UUID}}`,
    UUID.replaceAll('-', ''),
    `urn:uuid:${UUID}`,
    `${UUID.slice(0, 35)}g`,
    `${UUID} `,
    UUID.replace('-', '_'),
  ])('%j is no message id', (id) => expect(canonicalUuid(id)).toBeUndefined());
});

describe('the rule against phone numbers', () => {
  it.each([
    '417912345',
    '41791234567',
    '0041791234567',
    '079-123-45-67',
    '4179.123.45_67:',
    '1'.repeat(15),
  ])('%j looks like a phone number', (id) =>
    expect(looksLikeMsisdn(id, DEFAULT_MSISDN_RULE)).toBe(true),
  );

  it.each([
    '41220',
    '12345678',
    '1'.repeat(16),
    'a41791234567',
    '-',
    '41791234567x',
    '+41791234567',
  ])('%j does not look like a phone number', (id) =>
    expect(looksLikeMsisdn(id, DEFAULT_MSISDN_RULE)).toBe(false),
  );

  it('can be moved and switched off', () => {
    expect(looksLikeMsisdn('12345678', { minDigits: 8, maxDigits: 8 })).toBe(true);
    expect(looksLikeMsisdn('41791234567', 'off')).toBe(false);
  });
});

describe('a forbidden field name', () => {
  it.each([
    'to',
    'TO',
    'To',
    'msisdn',
    'MSISDN',
    'phone_number',
    'phone-number',
    'phoneNumber',
    '_t-o_',
  ])('%j is found in any spelling', (name) => expect(isForbiddenField(name)).toBe(true));

  it.each(['', '_', 'token', 'total', 'eventId', 'operator_id', 'toString', '__proto__'])(
    '%j is allowed',
    (name) => expect(isForbiddenField(name)).toBe(false),
  );

  it('is listed in the form in which names are compared', () => {
    for (const name of FORBIDDEN_FIELDS) expect(name).toMatch(/^[a-z]+$/);
  });
});

describe('a currency', () => {
  it.each(['USD', 'EUR', 'CHF', 'XOF', 'XAF', 'XPF', 'XCG', 'ZWG', 'SLE', 'VED', 'JPY'])(
    '%s is active',
    (code) => expect(isCurrency(code)).toBe(true),
  );

  it.each([
    'usd',
    'XXX',
    'XTS',
    'XAU',
    'XDR',
    'CHE',
    'USN',
    'DEM',
    'ZWL',
    'HRK',
    '€',
    '',
    'US',
    'USDT',
  ])('%j is not accepted', (code) => expect(isCurrency(code)).toBe(false));

  it('is three upper-case letters', () => {
    for (const code of CURRENCIES) expect(code).toMatch(/^[A-Z]{3}$/);
  });
});

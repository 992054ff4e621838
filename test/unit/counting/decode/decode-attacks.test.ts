import { describe, expect, it } from 'vitest';
import { MAX_PAYLOAD_BYTES } from '../../../../src/domain/message/event-reading.js';
import {
  BINARY,
  bytes,
  CHARGED,
  CHARGED_JSON,
  decodeBinary,
  decodeBytes,
  instant,
  MESSAGE_ID,
  REPORTED,
  REPORTED_JSON,
  STORED_AT,
  verdict,
  verdictOf,
} from './decode-samples.js';

const PHONE = '41791234567';
const CHARGED_TEXT = JSON.stringify(CHARGED_JSON);

/** The sample's JSON text with one more member. */
function withMember(member: string): string {
  return `${CHARGED_TEXT.slice(0, -1)},${member}}`;
}

describe('a malformed payload', () => {
  it.each([
    '',
    ' ',
    '{',
    'null',
    '[]',
    '"text"',
    '1',
    `[${CHARGED_TEXT}]`,
    `${CHARGED_TEXT}x`,
    `\ufeff${CHARGED_TEXT}`,
    CHARGED_TEXT.replaceAll('"', "'"),
    withMember('"__proto__":{"segments":2}'),
    withMember('"constructor":{}'),
    withMember('"a":[{"b":{"__proto__":null}}]'),
    withMember('"a":{"prototype":1}'),
    '['.repeat(60_000),
  ])('%.60j is refused as malformed', (text) => {
    expect(verdict(CHARGED, text)).toBe('malformed');
  });

  it('leaves the prototype of objects alone', () => {
    verdict(CHARGED, withMember('"__proto__":{"polluted":true}'));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('is one with bytes that are not UTF-8, wherever they stand', () => {
    const payload = bytes(withMember('"x":"?"'));
    payload[payload.lastIndexOf(0x3f)] = 0xff;
    expect(verdictOf(decodeBytes(CHARGED, payload))).toBe('malformed');
  });

  it('nested to the end of the size limit is judged, and admitted where it is only unknown', () => {
    const deep = withMember(`"x":${'['.repeat(30_000)}${']'.repeat(30_000)}`);
    expect(verdict(CHARGED, deep)).toBe('admitted');
    const hidden = withMember(`"x":${'{"a":'.repeat(9_000)}{"to":1}${'}'.repeat(9_000)}`);
    expect(verdict(CHARGED, hidden)).toBe('forbidden_field');
  });

  it('is not read at all above 64 KiB', () => {
    const padded = (size: number) => CHARGED_TEXT.padEnd(size, ' ');
    expect(verdict(CHARGED, padded(MAX_PAYLOAD_BYTES))).toBe('admitted');
    expect(verdict(CHARGED, padded(MAX_PAYLOAD_BYTES + 1))).toBe('too_large');
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`k${at}`, at]));
    expect(verdict(CHARGED, { ...CHARGED_JSON, ...keys })).toBe('too_large');
  });

  it.each(['sms.billing.v1.charged.x', 'sms.billing.v2.charged', 'sms.dlr.v1.', 'toString', ''])(
    'a good one on the subject %j is refused',
    (subject) => expect(verdict(subject, CHARGED_JSON)).toBe('unknown_subject'),
  );

  it('one event on the subject of another is refused for what it lacks', () => {
    expect(verdict(REPORTED, CHARGED_JSON)).toBe('invalid_field:reportedAt');
  });
});

describe('a binary payload', () => {
  const { charged, reported } = BINARY;
  const appended = (hex: string) => Buffer.concat([charged, Buffer.from(hex, 'hex')]);

  it('cut anywhere is never admitted', () => {
    for (let length = 0; length < charged.length; length++) {
      const decoded = decodeBinary(CHARGED, charged.subarray(0, length));
      expect(verdictOf(decoded)).toMatch(/^(malformed|invalid_field:.*)$/);
    }
  });

  it.each([
    ['a zero tag, where the codec would stop in silence', '00'],
    ['the field number 0', '02'],
    ['a group', '0b0c'],
    ['the end of a group', '0c'],
    ['wire type 6', 'a606'],
    ['wire type 7', 'a706'],
    ['eventId as a number', '0801'],
    ['segments as text', '3a0132'],
    ['acceptedAt as a number', '2801'],
    ['seconds as fixed 64', '2a09090000000000000000'],
    ['a timestamp that runs past its own end', '2a0108'],
    ['a varint of eleven bytes', '388080808080808080808001'],
    ['text longer than the payload', '0a7f61'],
    ['text that declares 4 GiB', '0affffffff0f'],
    ['text that declares 2^63 bytes', '0affffffffffffffff7f'],
    ['text that is not UTF-8', '0a02c328'],
    ['a surrogate in UTF-8', '4a03eda080'],
  ])('with %s is malformed', (_, hex) => {
    expect(verdictOf(decodeBinary(CHARGED, appended(hex)))).toBe('malformed');
  });

  it('with a byte order mark before an id is refused, not trimmed', () => {
    // eventId (field 1) of 4 bytes: U+FEFF and "a".
    expect(verdictOf(decodeBinary(CHARGED, appended('0a04efbbbf61')))).toBe(
      'invalid_field:eventId',
    );
  });

  it('that is JSON is malformed', () => {
    expect(verdictOf(decodeBinary(CHARGED, bytes(CHARGED_JSON)))).toBe('malformed');
  });

  it('with a state or network that is not in the contract is refused', () => {
    // state (field 7) 11; error (field 8) with network 4.
    const state = Buffer.concat([reported, Buffer.from('380b', 'hex')]);
    expect(verdictOf(decodeBinary(REPORTED, state))).toBe('invalid_field:state');
    const network = Buffer.concat([reported, Buffer.from('42020804', 'hex')]);
    expect(verdictOf(decodeBinary(REPORTED, network))).toBe('invalid_field:error.network');
  });

  it('with a timestamp outside of its bounds is refused', () => {
    // acceptedAt (field 5) with nanos 2^31 - 1.
    const nanos = appended('2a0610ffffffff07');
    expect(verdictOf(decodeBinary(CHARGED, nanos))).toBe('invalid_field:acceptedAt');
  });

  it('that is empty misses its first field', () => {
    expect(verdictOf(decodeBinary(CHARGED, new Uint8Array()))).toBe('invalid_field:eventId');
  });
});

describe('a NUL', () => {
  it.each(['eventId', 'messageId', 'accountId', 'operatorId', 'currency'])(
    'in %s is refused before it can reach the database',
    (name) => {
      const content = { ...CHARGED_JSON, [name]: `a\u0000b` };
      expect(verdict(CHARGED, content)).toBe(`invalid_field:${name}`);
    },
  );

  it('in the binary form is refused too', () => {
    const payload = Buffer.concat([BINARY.charged, Buffer.from('1a03610062', 'hex')]);
    expect(verdictOf(decodeBinary(CHARGED, payload))).toBe('invalid_field:accountId');
  });
});

describe('a phone number', () => {
  it.each<[string, string]>([
    [`"to":"${PHONE}"`, 'forbidden_field'],
    ['"TO":null', 'forbidden_field'],
    [`"msisdn":${PHONE}`, 'forbidden_field'],
    [`"MS_IS-DN":"${PHONE}"`, 'forbidden_field'],
    [`"x":{"y":[{"phone_number":"${PHONE}"}]}`, 'forbidden_field'],
    [`"x":[[[{"Recipient":{}}]]]`, 'forbidden_field'],
    ['"text":"hello"', 'forbidden_field'],
    [`"\\u0074o":"${PHONE}"`, 'forbidden_field'],
    [`"eventId":{"to":"${PHONE}"}`, 'forbidden_field'],
    // JSON.parse keeps the second of two equal names, and what is below the first is gone.
    [`"x":{"msisdn":"${PHONE}"},"x":{}`, 'forbidden_field'],
    [`"x":[{"\\u0074o" \n:"${PHONE}"}],"x":"\\":"`, 'forbidden_field'],
    [`"currency":{"to":"${PHONE}"},"currency":"EUR"`, 'forbidden_field'],
    [`"accountId":"${PHONE}"`, 'looks_like_msisdn:accountId'],
    [`"accountId":"00${PHONE}"`, 'looks_like_msisdn:accountId'],
    ['"accountId":"4179-123-45-67"', 'looks_like_msisdn:accountId'],
    [`"operatorId":"${PHONE}"`, 'looks_like_msisdn:operatorId'],
    [`"eventId":"4179:1234567"`, 'looks_like_msisdn:eventId'],
    [`"accountId":"+${PHONE}"`, 'invalid_field:accountId'],
    ['"accountId":"4179 123 45 67"', 'invalid_field:accountId'],
    ['"accountId":"４１７９１２３４５６７"', 'invalid_field:accountId'],
  ])('as %s is refused as %s', (member, expected) => {
    // The last of two equal names counts: it replaces the sample's.
    expect(verdict(CHARGED, withMember(member))).toBe(expected);
  });

  it('in an error of a report is refused', () => {
    const error = { network: 1, code: 6, destination: PHONE };
    expect(verdict(REPORTED, { ...REPORTED_JSON, error })).toBe('forbidden_field');
  });

  it('in an unknown field is nowhere in what is admitted, nor in what is refused', () => {
    for (const member of [`"note":"${PHONE}"`, `"${PHONE}":1`, `"to":"${PHONE}"`]) {
      const decoded = decodeBytes(CHARGED, bytes(withMember(member)));
      const text = JSON.stringify(decoded, (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      expect(text).toContain(MESSAGE_ID);
      expect(text).not.toContain(PHONE);
    }
  });
});

describe('time, judged against the stream', () => {
  // Stored at 2026-11-22T10:09:30Z: 35 days before is 2026-10-18, 5 minutes after is 10:14:30.
  it.each<[string, string]>([
    ['2026-11-22T10:14:30Z', 'admitted'],
    ['2026-11-22T10:14:30.000001Z', 'from_the_future:acceptedAt'],
    ['2026-11-22T10:19:30Z', 'from_the_future:acceptedAt'],
    ['9999-12-31T23:59:59.999999Z', 'from_the_future:acceptedAt'],
    ['2026-10-18T10:09:30Z', 'admitted'],
    ['2026-10-18T10:09:29.999999Z', 'too_old:acceptedAt'],
    ['2026-10-17T10:09:30Z', 'too_old:acceptedAt'],
    ['1970-01-01T00:00:00Z', 'too_old:acceptedAt'],
    ['0001-01-01T00:00:00Z', 'too_old:acceptedAt'],
    ['2026-11-22T10:07:30', 'invalid_field:acceptedAt'],
    ['2026-10-25T02:30:00+02:00', 'admitted'],
    ['2026-10-25T02:30:00+01:00', 'admitted'],
  ])('an acceptance at %s is %s', (acceptedAt, expected) => {
    const chargedAt = '2026-11-22T10:09:00Z';
    expect(verdict(CHARGED, { ...CHARGED_JSON, acceptedAt, chargedAt })).toBe(expected);
  });

  it('a charge or report more than 5 minutes ahead is refused as well', () => {
    const late = '2026-11-22T10:14:30.000001Z';
    expect(verdict(CHARGED, { ...CHARGED_JSON, chargedAt: late })).toBe(
      'from_the_future:chargedAt',
    );
    expect(verdict(REPORTED, { ...REPORTED_JSON, reportedAt: late })).toBe(
      'from_the_future:reportedAt',
    );
  });

  it('an acceptance on a leap day is a day of its own', () => {
    const times = { acceptedAt: '2028-02-29T23:59:59Z', chargedAt: '2028-02-29T23:59:59Z' };
    const timestamp = instant('2028-03-01T00:00:00Z');
    const decoded = decodeBytes(CHARGED, bytes({ ...CHARGED_JSON, ...times }), { timestamp });
    expect(decoded).toMatchObject({ event: { acceptedAt: instant('2028-02-29T23:59:59Z') } });
  });

  it('the same payload is judged alike whenever it is delivered again', () => {
    const decoded = decodeBytes(CHARGED, bytes(CHARGED_JSON), { timestamp: STORED_AT });
    expect(decodeBytes(CHARGED, bytes(CHARGED_JSON), { timestamp: STORED_AT })).toEqual(decoded);
  });
});

describe('money', () => {
  it.each([
    '-1',
    '-0',
    'NaN',
    'Infinity',
    '1e400',
    '1,000.00',
    '0.123456789012345678901234567890',
    '0.0000000001',
    '1234567890123456789',
    '01',
    '',
    ' 1',
    '１',
  ])('of the amount %j is refused', (amount) => {
    expect(verdict(CHARGED, { ...CHARGED_JSON, amount })).toBe('invalid_field:amount');
  });

  it.each(['usd', 'XXX', '€', 'EUR ', 'XTS', ''])('in the currency %j is refused', (currency) => {
    expect(verdict(CHARGED, { ...CHARGED_JSON, currency })).toBe('invalid_field:currency');
  });
});

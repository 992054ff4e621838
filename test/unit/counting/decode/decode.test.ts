import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../../src/counting/decode/decode.js';
import {
  BINARY,
  bytes,
  CHARGED,
  CHARGED_JSON,
  decodeBinary,
  decodeBytes,
  instant,
  MESSAGE_ID,
  REFUNDED,
  REFUNDED_JSON,
  REPORTED,
  REPORTED_JSON,
  STORED_AT,
  verdict,
  verdictOf,
} from './decode-samples.js';

const head = {
  eventId: 'evt-1',
  messageId: MESSAGE_ID,
  accountId: 'acme',
  operatorId: '22801',
  acceptedAt: instant('2026-11-22T10:07:30.123456Z'),
};
const charged = {
  kind: 'charged',
  ...head,
  chargedAt: instant('2026-11-22T10:07:31Z'),
  segments: 2,
  amount: 50_000_000n,
  currency: 'EUR',
};
const refunded = {
  kind: 'refunded',
  ...head,
  refundedAt: instant('2026-11-22T10:08:00Z'),
  amount: 50_000_000n,
  currency: 'EUR',
};
const reported = {
  kind: 'reported',
  ...head,
  reportedAt: instant('2026-11-22T10:07:34.5Z'),
  state: 5,
  network: 1,
  code: 6,
};

describe('an event of the contract', () => {
  it.each([
    [CHARGED, CHARGED_JSON, BINARY.charged, charged],
    [REFUNDED, REFUNDED_JSON, BINARY.refunded, refunded],
    [REPORTED, REPORTED_JSON, BINARY.reported, reported],
  ])('on %s is the same in both forms', (subject, json, binary, expected) => {
    for (const decoded of [decodeBytes(subject, bytes(json)), decodeBinary(subject, binary)]) {
      expect(decoded).toMatchObject({ admitted: true, event: expected, unknownFields: 0 });
    }
  });

  it('carries the sequence and the first 64 bits of the SHA-256 of its payload', () => {
    const payload = bytes(CHARGED_JSON);
    const hex = createHash('sha256').update(payload).digest('hex').slice(0, 16);
    const digest = BigInt.asIntN(64, BigInt(`0x${hex}`));
    const decoded = decodeBytes(CHARGED, payload);
    expect(decoded).toMatchObject({ event: { source: { sequence: 7, digest } } });
  });

  it('may spell its fields as the .proto file does', () => {
    const snake = Object.fromEntries(
      Object.entries(CHARGED_JSON).map(([name, value]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value,
      ]),
    );
    expect(snake).toHaveProperty('event_id');
    expect(decodeBytes(CHARGED, bytes(snake))).toMatchObject({ event: charged, unknownFields: 0 });
  });

  it('may write numbers as text, enums as numbers, and null for what it does not have', () => {
    const asText = { ...CHARGED_JSON, segments: '2' };
    expect(decodeBytes(CHARGED, bytes(asText))).toMatchObject({ event: charged });
    const asNumbers = { ...REPORTED_JSON, state: 5, error: { network: 1, code: '6' } };
    expect(decodeBytes(REPORTED, bytes(asNumbers))).toMatchObject({ event: reported });
    const noError = { ...REPORTED_JSON, error: null };
    expect(decodeBytes(REPORTED, bytes(noError))).toMatchObject({ event: { network: 0, code: 0 } });
  });

  it('has SMPP numbers for its states, where SCHEDULED is 0 and not the 10 of the protocol', () => {
    for (const [state, number] of [
      ['SCHEDULED', 0],
      [10, 0],
      ['ENROUTE', 1],
      ['SKIPPED', 9],
      [9, 9],
    ]) {
      const decoded = decodeBytes(REPORTED, bytes({ ...REPORTED_JSON, state }));
      expect(decoded).toMatchObject({ event: { state: number } });
    }
  });

  it('has its id in lower case', () => {
    const upper = { ...CHARGED_JSON, messageId: MESSAGE_ID.toUpperCase() };
    expect(decodeBytes(CHARGED, bytes(upper))).toMatchObject({ event: { messageId: MESSAGE_ID } });
  });

  it('counts at its acceptance where its own time is before it', () => {
    const early = { ...CHARGED_JSON, chargedAt: '1999-01-01T00:00:00Z' };
    const event = { chargedAt: head.acceptedAt };
    expect(decodeBytes(CHARGED, bytes(early))).toMatchObject({ event });
  });

  it('may have an error without a code, which is code 0', () => {
    const noCode = { ...REPORTED_JSON, error: { network: 'SMPP' } };
    expect(decodeBytes(REPORTED, bytes(noCode))).toMatchObject({ event: { network: 2, code: 0 } });
  });
});

describe('unknown fields', () => {
  it('are dropped and counted, whatever they hold', () => {
    const more = { ...CHARGED_JSON, route: { hops: [{ name: 'a' }] }, tags: ['x'], state: 'x' };
    expect(decodeBytes(CHARGED, bytes(more))).toMatchObject({ event: charged, unknownFields: 3 });
    const inError = { ...REPORTED_JSON, error: { network: 1, code: 6, hint: 'x' } };
    expect(decodeBytes(REPORTED, bytes(inError))).toMatchObject({ unknownFields: 1 });
  });

  it('of the binary form are counted too, those of nested messages included', () => {
    // Field 20 as varint 1, fixed 64, fixed 32 and 2 bytes of text.
    const more = Buffer.from('a00101a1010000000000000000a50100000000a201026162', 'hex');
    const decoded = decodeBinary(CHARGED, Buffer.concat([BINARY.charged, more]));
    expect(decoded).toMatchObject({ event: charged, unknownFields: 4 });
    // Another error (field 8), GSM_MAP 6, with field 3 as varint 1.
    const error = Buffer.from('4206080110061801', 'hex');
    const nested = decodeBinary(REPORTED, Buffer.concat([BINARY.reported, error]));
    expect(nested).toMatchObject({ event: reported, unknownFields: 1 });
  });
});

describe('a content type', () => {
  it.each([
    'application/json',
    '',
    'Application/JSON; charset=UTF-8',
    'application/json;charset="utf-8"',
  ])('%j is JSON', (contentType) => {
    const decoded = decodeBytes(CHARGED, bytes(CHARGED_JSON), { contentType });
    expect(verdictOf(decoded)).toBe('admitted');
  });

  it.each(['application/protobuf', 'APPLICATION/PROTOBUF ; charset=utf-8'])(
    '%j is binary',
    (contentType) => {
      expect(verdictOf(decodeBytes(CHARGED, BINARY.charged, { contentType }))).toBe('admitted');
    },
  );

  it.each([
    'text/plain',
    'application/xml',
    'application/json; charset=latin1',
    'json',
    ';',
    'application/json, x',
  ])('%j is malformed', (contentType) => {
    const decoded = decodeBytes(CHARGED, bytes(CHARGED_JSON), { contentType });
    expect(verdictOf(decoded)).toBe('malformed');
  });
});

describe('a refusal', () => {
  it('names the ids that are valid by themselves, and no other', () => {
    const decoded = decodeBytes(
      CHARGED,
      bytes({ ...CHARGED_JSON, accountId: '41791234567', operatorId: 'a b' }),
    );
    expect(decoded).toMatchObject({
      admitted: false,
      refusal: { reason: 'invalid_field', field: 'operatorId' },
      source: { sequence: 7 },
    });
    expect(decoded.admitted || decoded.refusal.ids).toEqual({
      eventId: 'evt-1',
      messageId: MESSAGE_ID,
    });
  });

  it('of a forbidden field names the ids, and nothing of the field', () => {
    const decoded = decodeBytes(CHARGED, bytes({ ...CHARGED_JSON, to: '+41791234567' }));
    expect(decoded.admitted || decoded.refusal).toEqual({
      reason: 'forbidden_field',
      ids: { eventId: 'evt-1', messageId: MESSAGE_ID, accountId: 'acme', operatorId: '22801' },
    });
  });

  it('of an unreadable payload names nothing', () => {
    const decoded = decodeBytes(CHARGED, bytes('{'));
    expect(decoded.admitted || decoded.refusal).toEqual({ reason: 'malformed', ids: {} });
  });
});

describe('the rules of fields', () => {
  it.each<[string, object, string]>([
    [CHARGED, { eventId: 5 }, 'invalid_field:eventId'],
    [CHARGED, { eventId: '' }, 'invalid_field:eventId'],
    [CHARGED, { messageId: 'm1' }, 'invalid_field:messageId'],
    [CHARGED, { accountId: null }, 'invalid_field:accountId'],
    [CHARGED, { operatorId: ['22801'] }, 'invalid_field:operatorId'],
    [CHARGED, { acceptedAt: 1_795_305_600 }, 'invalid_field:acceptedAt'],
    [CHARGED, { chargedAt: '2026-11-22' }, 'invalid_field:chargedAt'],
    [REFUNDED, { refundedAt: '' }, 'invalid_field:refundedAt'],
    [REPORTED, { reportedAt: {} }, 'invalid_field:reportedAt'],
    [CHARGED, { segments: 0 }, 'invalid_field:segments'],
    [CHARGED, { segments: 256 }, 'invalid_field:segments'],
    [CHARGED, { segments: 1.5 }, 'invalid_field:segments'],
    [CHARGED, { segments: -1 }, 'invalid_field:segments'],
    [CHARGED, { segments: '0x2' }, 'invalid_field:segments'],
    [CHARGED, { segments: true }, 'invalid_field:segments'],
    [CHARGED, { amount: 0.05 }, 'invalid_field:amount'],
    [CHARGED, { currency: 'EURO' }, 'invalid_field:currency'],
    [REPORTED, { state: 'LOST' }, 'invalid_field:state'],
    [REPORTED, { state: 'MESSAGE_STATE_UNSPECIFIED' }, 'invalid_field:state'],
    [REPORTED, { state: 0 }, 'invalid_field:state'],
    [REPORTED, { state: 11 }, 'invalid_field:state'],
    [REPORTED, { state: -1 }, 'invalid_field:state'],
    [REPORTED, { state: 2.5 }, 'invalid_field:state'],
    [REPORTED, { state: 'toString' }, 'invalid_field:state'],
    [REPORTED, { error: 'GSM_MAP:6' }, 'invalid_field:error'],
    [REPORTED, { error: [] }, 'invalid_field:error'],
    [REPORTED, { error: {} }, 'invalid_field:error.network'],
    [REPORTED, { error: { network: '', code: 6 } }, 'invalid_field:error.network'],
    [REPORTED, { error: { network: 0, code: 6 } }, 'invalid_field:error.network'],
    [REPORTED, { error: { network: 'SS7', code: 6 } }, 'invalid_field:error.network'],
    [REPORTED, { error: { network: 1, code: -1 } }, 'invalid_field:error.code'],
    [REPORTED, { error: { network: 1, code: 4_294_967_296 } }, 'invalid_field:error.code'],
    [REPORTED, { error: { network: 1, code: '4294967296' } }, 'invalid_field:error.code'],
    [REPORTED, { error: { network: 1, code: 4_294_967_295 } }, 'admitted'],
    [CHARGED, { segments: 255 }, 'admitted'],
    [CHARGED, { segments: 2.0 }, 'admitted'],
    [CHARGED, { amount: '0' }, 'admitted'],
  ])('on %s, %j is %s', (subject, changes, expected) => {
    const samples: Record<string, object> = {
      [CHARGED]: CHARGED_JSON,
      [REFUNDED]: REFUNDED_JSON,
      [REPORTED]: REPORTED_JSON,
    };
    expect(verdict(subject, { ...samples[subject], ...changes })).toBe(expected);
  });

  it.each(Object.keys(CHARGED_JSON))('a charge without %s is refused', (name) => {
    const without: Record<string, unknown> = { ...CHARGED_JSON };
    delete without[name];
    expect(verdict(CHARGED, without)).toBe(`invalid_field:${name}`);
  });

  it('judge a field in one spelling only', () => {
    expect(verdict(CHARGED, { ...CHARGED_JSON, event_id: 'evt-2' })).toBe('malformed');
    expect(verdict(CHARGED, { event_id: 'evt-2', ...CHARGED_JSON })).toBe('malformed');
  });

  it('can be told another rule against phone numbers, or none', () => {
    const published = {
      subject: CHARGED,
      contentType: undefined,
      payload: bytes({ ...CHARGED_JSON, eventId: '123456789' }),
      sequence: 7,
      timestamp: STORED_AT,
    };
    expect(verdictOf(decode(published))).toBe('looks_like_msisdn:eventId');
    expect(verdictOf(decode(published, { msisdn: 'off' }))).toBe('admitted');
    const longer = { minDigits: 10, maxDigits: 17 };
    expect(verdictOf(decode(published, { msisdn: longer }))).toBe('admitted');
  });
});

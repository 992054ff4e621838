// The events of attacks 23 to 27, each with the reason and the field under which it must
// become a dead letter. Every JSON payload carries MARKER in a field that the contract does not
// have, so that it can be searched for afterwards.

import { chargeOf } from '../../support/publications.js';
import { BINARY } from '../../unit/counting/decode/decode-samples.js';

/** In every payload that can hold it; nothing of a dead letter may. */
export const MARKER = 'payload-of-nobody';

const CHARGED = 'sms.billing.v1.charged';
const REPORTED = 'sms.dlr.v1.reported';

export interface HostileEvent {
  readonly what: string;
  readonly subject: string;
  readonly content: unknown;
  readonly contentType?: string;
  /** `reason` or `reason:field`. */
  readonly verdict: string;
}

let index = 1_000;

/** A charge that would be good but for these changes; undefined takes a field out. */
const charge = (changes: object = {}): object => {
  index += 1;
  return { ...chargeOf(index, { note: MARKER }), ...changes };
};

const report = (changes: object): object => {
  index += 1;
  const { chargedAt: reportedAt, segments, amount, currency, ...ids } = chargeOf(index);
  return { ...ids, reportedAt, state: 'DELIVERED', note: MARKER, ...changes };
};

const refused = (verdict: string, what: string, content: unknown): HostileEvent => ({
  ...{ what, subject: CHARGED, content, verdict },
});

const changed = (verdict: string, changes: object): HostileEvent =>
  refused(verdict, JSON.stringify(changes).slice(0, 60), charge(changes));

const wrong = (field: string, ...values: unknown[]): HostileEvent[] =>
  values.map((value) => changed(`invalid_field:${field}`, { [field]: value }));

const missing = (field: string): HostileEvent =>
  refused(`invalid_field:${field}`, `no ${field}`, charge({ [field]: undefined }));

/** A good charge's text with one more member. */
const withMember = (member: string): string =>
  `${JSON.stringify(charge()).slice(0, -1)},${member}}`;

const binary = (verdict: string, what: string, content: Uint8Array): HostileEvent => ({
  ...{ what, subject: CHARGED, content, verdict, contentType: 'application/protobuf' },
});

/**
 * Distinct keys of four letters: so many stay below the 128 KB that NATS takes (100,000:
 * decode-attacks.test.ts).
 */
const KEYS = 12_000;

const manyKeys = (): string =>
  Array.from({ length: KEYS }, (_, at) => `"${(at + 46_656).toString(36)}":0`).join(',');

/** Attack 23. */
export const malformedEvents = (): HostileEvent[] => [
  ...['', '{', 'null', '[]', '1', '"text"', `[${JSON.stringify(charge())}]`].map((text) =>
    refused('malformed', `the text ${text.slice(0, 20)}`, text),
  ),
  refused('malformed', 'text after the object', `${JSON.stringify(charge())}x`),
  refused('malformed', 'a byte order mark', `\ufeff${JSON.stringify(charge())}`),
  refused('malformed', 'bytes that are no UTF-8', Buffer.from('{"eventId":"\xff"}', 'latin1')),
  refused('malformed', 'nesting without end', '['.repeat(60_000)),
  refused('malformed', '__proto__', withMember('"__proto__":{"segments":2}')),
  refused('malformed', '__proto__ inside', withMember('"a":[{"b":{"__proto__":null}}]')),
  refused('malformed', 'constructor', withMember('"constructor":{}')),
  binary('malformed', 'protobuf cut off', BINARY.charged.subarray(0, 20)),
  binary('malformed', 'JSON said to be protobuf', Buffer.from(JSON.stringify(charge()))),
  binary(
    'malformed',
    'protobuf with a group',
    Buffer.concat([BINARY.charged, Buffer.from('0b0c', 'hex')]),
  ),
  { ...refused('malformed', 'a content type of another world', charge()), contentType: 'text/xml' },
  ...['eventId', 'messageId', 'accountId', 'operatorId', 'acceptedAt', 'chargedAt'].map(missing),
  ...['segments', 'amount', 'currency'].map(missing),
  ...wrong('messageId', 'x', '0198a6f2', 7),
  ...wrong('accountId', '', 'a b', '-a', 'a'.repeat(65), {}),
  ...wrong('segments', 0, 256, -1, 1.5, '2'.repeat(20)),
  { ...refused('unknown_subject', 'a subject of tomorrow', charge()), subject: `${CHARGED}.x` },
  {
    ...refused('unknown_subject', 'a version of tomorrow', charge()),
    subject: 'sms.dlr.v2.reported',
  },
  ...['GONE', 'MESSAGE_STATE_UNSPECIFIED', 0, 11, -1, undefined].map((state) => ({
    ...refused('invalid_field:state', `the state ${state}`, report({ state })),
    subject: REPORTED,
  })),
  refused('too_large', 'over 64 KiB', JSON.stringify(charge()).padEnd(65_537, ' ')),
  refused('too_large', 'thousands of keys', withMember(manyKeys())),
];

/** Attack 24: what Postgres would refuse in any text, for ever. */
export const nulEvents = (): HostileEvent[] => [
  ...['eventId', 'messageId', 'accountId', 'operatorId', 'acceptedAt', 'currency'].map((field) =>
    changed(`invalid_field:${field}`, { [field]: 'a\u0000b' }),
  ),
  { ...refused('invalid_field:state', 'a state', report({ state: 'A\u0000' })), subject: REPORTED },
  // Field 3 is accountId: "a", NUL, "b".
  binary(
    'invalid_field:accountId',
    'an accountId in protobuf',
    Buffer.concat([BINARY.charged, Buffer.from('1a03610062', 'hex')]),
  ),
];

/**
 * Attack 25: a name that no event may have. JSON.parse keeps the last of two members of one name,
 * so the first is seen in the text alone.
 */
export const forbiddenEvents = (): HostileEvent[] =>
  [
    '"x":{"msisdn":"0"}',
    '"x":{"msisdn":"0"},"x":{}',
    '"x":[{"\\u0074o" : "0"}],"x":0',
    '"currency":{"phone":"0"},"currency":"EUR"',
  ].map((member) => refused('forbidden_field', member, withMember(member)));

/** So many minutes from now, which is when the stream stores it, give or take a second. */
export const minutesAhead = (minutes: number): string =>
  new Date(Date.now() + minutes * 60_000).toISOString();
const DAY = 24 * 60;

/** Attack 26. */
export const untimelyEvents = (): HostileEvent[] => [
  changed('from_the_future:acceptedAt', { acceptedAt: minutesAhead(10) }),
  changed('from_the_future:acceptedAt', { acceptedAt: '9999-12-31T23:59:59Z' }),
  changed('from_the_future:chargedAt', { chargedAt: minutesAhead(10) }),
  changed('too_old:acceptedAt', { acceptedAt: minutesAhead(-36 * DAY) }),
  changed('too_old:acceptedAt', { acceptedAt: '1970-01-01T00:00:00Z' }),
  missing('acceptedAt'),
  ...wrong('acceptedAt', minutesAhead(-60).replace('Z', ''), '2026-02-30T00:00:00Z', 'now', 0),
  ...wrong('acceptedAt', '2025-02-29T00:00:00Z', `${minutesAhead(-DAY).slice(0, 10)}T24:00:00Z`),
];

/** Attack 27. */
export const moneyEvents = (): HostileEvent[] => [
  ...wrong('amount', '-1', '-0', '-0.01', 'NaN', 'Infinity', '-Infinity', '1e400', '1e2', '0x10'),
  ...wrong(
    'amount',
    '1,000.00',
    '1.000,00',
    `0.${'1'.repeat(30)}`,
    '0.0000000001',
    '１',
    '',
    ' 1',
    '+1',
  ),
  ...wrong('amount', '1234567890123456789', 0.05, null, '01', '.5', '1.'),
  ...wrong('currency', 'usd', 'XXX', 'XTS', '€', 'EUR ', 'EU', 'EURO', '', 978),
];

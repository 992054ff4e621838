// The law of the publisher: whatever it takes is not refused by ingest for its content, and
// whatever it refuses would have been. Judged over the bytes that a producer without it would have
// sent.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decoded, decode } from '../../../src/counting/decode/decode.js';
import { DEFAULT_ADMISSION_RULES, type EventKind } from '../../../src/domain/message/admission.js';
import { judge } from '../../../src/publishing/publisher/judge.js';
import {
  CHARGED_JSON,
  decodeBytes,
  HEAD,
  REFUNDED_JSON,
  REPORTED_JSON,
  STORED_AT,
} from '../counting/decode/decode-samples.js';

const SAMPLES: Record<EventKind, Record<string, unknown>> = {
  charged: CHARGED_JSON,
  refunded: REFUNDED_JSON,
  reported: REPORTED_JSON,
};
const SUBJECTS: Record<EventKind, string> = {
  charged: 'sms.billing.v1.charged',
  refunded: 'sms.billing.v1.refunded',
  reported: 'sms.dlr.v1.reported',
};
const OF_THE_CLOCK = ['too_old', 'from_the_future'];
const HOUR = 3_600_000_000;

const kinds = fc.constantFrom<EventKind>('charged', 'refunded', 'reported');
const names = fc.oneof(
  fc.constantFrom(
    ...['eventId', 'event_id', 'messageId', 'message_id', 'accountId', 'account_id', 'operatorId'],
    ...['acceptedAt', 'accepted_at', 'chargedAt', 'charged_at', 'refundedAt', 'refunded_at'],
    ...['reportedAt', 'reported_at', 'segments', 'amount', 'currency', 'state', 'error', 'extra'],
    ...['to', 'MSISDN', 'phone_number', '__proto__', 'constructor', 'toString', 'hasOwnProperty'],
  ),
  fc.string(),
);
/** Near the borders of what is valid. */
const borders = fc.constantFrom<unknown>(
  ...['', '0', '-0', '1', '255', '256', '01', '1e2', '4294967295', '4294967296', '0.0000000001'],
  ...['0.05', '999999999999999999.999999999', '1000000000000000000', 'EUR', 'eur', 'XXX', 'USD'],
  ...['DELIVERED', 'delivered', 'SCHEDULED', 'MESSAGE_STATE_UNSPECIFIED', 'GSM_MAP', 'VENDOR'],
  ...[
    '2026-11-22T10:07:30Z',
    '2026-11-22T24:00:00Z',
    '2026-02-30T00:00:00Z',
    '0001-01-01T00:00:00Z',
  ],
  ...['2026-11-22T10:07:30.123456789+01:00', '9999-12-31T23:59:59Z', '2026-10-01T00:00:00Z'],
  ...['2026-12-31T00:00:00Z', '+49 170 1234567', '491701234567', '4917-0123.4567', 'a'.repeat(64)],
  ...['a'.repeat(65), 'a:b', 'é', '\u0000', '\ud800', '"to":"x"', '{"to": 1}', ' :', '":'],
  ...['0193A5F2-7C1E-7D3A-9B4C-5E6F70819203', '{0193a5f2-7c1e-7d3a-9b4c-5e6f70819203}'],
  ...[0, -0, 1, 2, 3, 4, 9, 10, 11, 255, 256, 1.5, -1, Number.NaN, 1e300, null, undefined, true],
  ...[
    {},
    [],
    { network: 'SMPP' },
    { network: 1, code: 6 },
    { network: 0 },
    { network: 'SMPP', code: '7' },
  ],
  ...[
    { network: 'SMPP', code: null },
    { code: 1 },
    { network: '', code: 1 },
    { network: 'SMPP', to: 1 },
  ],
  ...[[{ text: 1 }], { a: { body: [] } }, 'x'.repeat(66_000), new Date(0), { toJSON: () => 'EUR' }],
);
const values = fc.oneof({ weight: 4, arbitrary: borders }, fc.jsonValue(), fc.anything());
const changes = fc.array(fc.tuple(names, values), { maxLength: 3 });

function changed(kind: EventKind, over: readonly (readonly [string, unknown])[]): object {
  const event = { ...SAMPLES[kind] };
  for (const [name, value] of over) {
    if (name.includes('_') && !name.startsWith('__')) delete event[camelCase(name)];
    Object.defineProperty(event, name, { value, enumerable: true, configurable: true });
  }
  return event;
}

const camelCase = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

/** What a producer without the publisher would have sent; undefined where that throws. */
function naiveBytes(event: unknown): Buffer | undefined {
  try {
    const text = JSON.stringify(event);
    return text === undefined ? undefined : Buffer.from(text);
  } catch {
    return undefined;
  }
}

/** The same event but for the digest of its bytes. */
function admitted(decoded: Decoded): object {
  if (!decoded.admitted) throw new Error(`refused: ${decoded.refusal.reason}`);
  const { source: _, ...event } = decoded.event;
  return event;
}

function expectLaw(kind: EventKind, event: unknown, timestamp: number): void {
  const judgement = judge(kind, event, DEFAULT_ADMISSION_RULES);
  const naive = naiveBytes(event);
  const sent = naive && decodeBytes(SUBJECTS[kind], naive, { timestamp });
  if (judgement.payload === undefined) {
    const [violation] = judgement.violations;
    if (sent === undefined) {
      expect(violation).toEqual({ reason: 'malformed' });
      return;
    }
    if (sent.admitted) throw new Error(`refused as ${JSON.stringify(violation)}, but admitted`);
    const { reason, field } = sent.refusal;
    if (OF_THE_CLOCK.includes(violation?.reason ?? '')) return;
    expect(violation).toEqual(field === undefined ? { reason } : { reason, field });
    return;
  }
  const { payload } = judgement;
  const published = decodeBytes(SUBJECTS[kind], payload, { timestamp });
  if (!published.admitted) {
    expect(OF_THE_CLOCK).toContain(published.refusal.reason);
    expect(sent).toMatchObject({ admitted: false, refusal: { reason: published.refusal.reason } });
    return;
  }
  expect(published.unknownFields).toBe(0);
  if (sent === undefined) throw new Error('taken, but it has no bytes');
  expect(admitted(published)).toEqual(admitted(sent));
}

describe('the judgement of an event', () => {
  it('is that of ingest, over random and hostile changes of good events', () => {
    const stored = fc.constantFrom(STORED_AT, STORED_AT + 900 * HOUR, STORED_AT - HOUR);
    fc.assert(
      fc.property(kinds, changes, stored, (kind, over, timestamp) => {
        expectLaw(kind, changed(kind, over), timestamp);
      }),
      { numRuns: 4_000 },
    );
  });

  it('is that of ingest, over anything', () => {
    fc.assert(
      fc.property(
        kinds,
        fc.anything({ withBigInt: true, withDate: true, withMap: true }),
        (kind, it) => {
          expectLaw(kind, it, STORED_AT);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('takes the good events, and drops what the contract does not have', () => {
    for (const kind of ['charged', 'refunded', 'reported'] as const) {
      const { payload } = judge(kind, { ...SAMPLES[kind], region: 'EU' }, DEFAULT_ADMISSION_RULES);
      expect(JSON.parse(String(payload))).toEqual(SAMPLES[kind]);
    }
  });

  it('survives accessors that throw, circles and endless nesting', () => {
    const thrower = Object.defineProperty({ ...HEAD }, 'amount', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    const circle: Record<string, unknown> = { ...CHARGED_JSON };
    circle.self = circle;
    let nested: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) nested = [nested];
    for (const event of [thrower, circle, { ...CHARGED_JSON, nested }, undefined, () => 1]) {
      expect(judge('charged', event, DEFAULT_ADMISSION_RULES)).toMatchObject({
        violations: [{ reason: 'malformed' }],
      });
    }
  });

  it('refuses what no clock of the stream could let pass', () => {
    const reportedAt = '2026-12-31T00:00:00Z';
    const late = { ...REPORTED_JSON, reportedAt };
    expect(judge('reported', late, DEFAULT_ADMISSION_RULES)).toMatchObject({
      violations: [{ reason: 'too_old' }],
    });
    const decoded = decode({
      subject: SUBJECTS.reported,
      payload: Buffer.from(JSON.stringify(late)),
      contentType: undefined,
      sequence: 1,
      timestamp: STORED_AT,
    });
    expect(decoded.admitted).toBe(false);
  });

  it('lets ids of digits pass where the rule is off', () => {
    const event = { ...CHARGED_JSON, accountId: '491701234567' };
    expect(judge('charged', event, DEFAULT_ADMISSION_RULES).payload).toBeUndefined();
    expect(judge('charged', event, { msisdn: 'off' }).payload).toBeDefined();
  });
});

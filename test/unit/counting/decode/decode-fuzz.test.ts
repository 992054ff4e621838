import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEAD_LETTER_REASONS, EVENT_FIELDS } from '../../../../src/domain/message/dead-letter.js';
import {
  BINARY,
  bytes,
  CHARGED,
  CHARGED_JSON,
  decodeBytes,
  REFUNDED,
  REFUNDED_JSON,
  REPORTED,
  REPORTED_JSON,
} from './decode-samples.js';

const subject = fc.constantFrom(CHARGED, REFUNDED, REPORTED);
const contentType = fc.constantFrom(undefined, 'application/json', 'application/protobuf');
const samples = fc.constantFrom<Record<string, unknown>>(
  CHARGED_JSON,
  REFUNDED_JSON,
  REPORTED_JSON,
);
const binaries = fc.constantFrom(BINARY.charged, BINARY.refunded, BINARY.reported);

function expectVerdict(on: string, payload: Uint8Array, type: string | undefined): void {
  const decoded = decodeBytes(on, payload, { contentType: type });
  if (decoded.admitted) {
    expect(Number.isSafeInteger(decoded.event.acceptedAt)).toBe(true);
    expect(decoded.unknownFields).toBeGreaterThanOrEqual(0);
    return;
  }
  const { reason, field } = decoded.refusal;
  expect(DEAD_LETTER_REASONS).toContain(reason);
  if (field !== undefined) expect(EVENT_FIELDS).toContain(field);
}

describe('decoding', () => {
  it('has a verdict on any bytes', () => {
    fc.assert(fc.property(subject, fc.uint8Array({ maxLength: 400 }), contentType, expectVerdict), {
      numRuns: 1_000,
    });
  });

  it('has a verdict on any JSON', () => {
    fc.assert(
      fc.property(subject, fc.json({ maxDepth: 6 }), (on, text) => {
        expectVerdict(on, bytes(text), undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('has a verdict on a good event with one field replaced by anything', () => {
    const field = fc.constantFrom(...EVENT_FIELDS, 'extra');
    fc.assert(
      fc.property(subject, samples, field, fc.jsonValue(), (on, sample, name, value) => {
        expectVerdict(on, bytes({ ...sample, [name]: value }), undefined);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has a verdict on a good binary event with a byte replaced', () => {
    fc.assert(
      fc.property(subject, binaries, fc.nat(), fc.nat({ max: 255 }), (on, sample, at, byte) => {
        const payload = Uint8Array.from(sample);
        payload[at % payload.length] = byte;
        expectVerdict(on, payload, 'application/protobuf');
      }),
      { numRuns: 2_000 },
    );
  });
});

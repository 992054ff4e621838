// A message belongs to the day of its acceptance. By the day of arrival, a copy that comes after
// midnight would be another message, and everything about it would be counted twice.

import { describe, expect, it } from 'vitest';
import { countable, decide } from '../../../src/counting/count.js';
import { DEFAULT_ADMISSION_RULES } from '../../../src/domain/message/admission.js';
import { dayOf, MICROS_PER_DAY } from '../../../src/domain/time/instant.js';
import type { Envelope } from '../../../src/nats/envelope.js';
import {
  bytes,
  CHARGED,
  CHARGED_JSON,
  instant,
  REFUNDED,
  REFUNDED_JSON,
  REPORTED,
  REPORTED_JSON,
  STORED_AT,
} from './decode/decode-samples.js';

function stored(subject: string, content: unknown, sequence: number, timestamp: number): Envelope {
  const source = { subject, sequence, timestamp, contentType: 'application/json' };
  const rest = { replySubject: 'reply', redelivered: false, traceparent: undefined };
  return { ...source, ...rest, payload: bytes(content) };
}

describe('events of one message that arrive on three days', () => {
  it('are one message, one charge and one refund, on the day of its acceptance', () => {
    const arrivals = [0, 1, 2].flatMap((days) => {
      const at = STORED_AT + days * MICROS_PER_DAY;
      return [
        stored(CHARGED, CHARGED_JSON, 3 * days + 1, at),
        stored(REFUNDED, REFUNDED_JSON, 3 * days + 2, at),
        stored(REPORTED, REPORTED_JSON, 3 * days + 3, at),
      ];
    });
    const decided = decide(arrivals, DEFAULT_ADMISSION_RULES, -Infinity);
    expect(decided.deadLetters).toEqual([]);
    const { entries, refunds, conflicts } = countable(decided).folded;
    const day = dayOf(instant(CHARGED_JSON.acceptedAt));
    expect(entries.map((entry) => entry.day)).toEqual([day]);
    expect(refunds.map((refund) => refund.day)).toEqual([day]);
    expect(conflicts).toEqual([]);
  });
});

// Events for the tests of the ledger: by hand, and by fast-check from domains so small that ties,
// copies and contradictions are the rule.
import fc from 'fast-check';
import type {
  AdmittedEvent,
  ChargedEvent,
  RefundedEvent,
  ReportedEvent,
} from '../../../../src/domain/message/event.js';
import type { NetworkNumber, StateNumber } from '../../../../src/domain/message/outcome.js';
import { MICROS_PER_MINUTE, parseInstant } from '../../../../src/domain/time/instant.js';

export const MESSAGE_ID = '0193a5f2-7c1e-7d3a-9b4c-5e6f70819203';
export const ACCEPTED_AT = instant('2026-11-22T10:07:30Z');

/** An instant that the test knows to be one. */
export function instant(text: string): number {
  const micros = parseInstant(text);
  if (micros === undefined) throw new RangeError(text);
  return micros;
}

const HEAD = {
  messageId: MESSAGE_ID,
  accountId: 'acme',
  operatorId: '22801',
  acceptedAt: ACCEPTED_AT,
  source: { sequence: 1, digest: 1n },
};

/** A charge of 2 segments, 0.05 EUR, at acceptance. */
export function charged(changes: Partial<ChargedEvent> = {}): ChargedEvent {
  const own = { chargedAt: ACCEPTED_AT, segments: 2, amount: 50_000_000n, currency: 'EUR' };
  return { kind: 'charged', ...HEAD, eventId: 'c1', ...own, ...changes };
}

/** A refund of 0.05 EUR, an hour after acceptance. */
export function refunded(changes: Partial<RefundedEvent> = {}): RefundedEvent {
  const refundedAt = ACCEPTED_AT + 60 * MICROS_PER_MINUTE;
  const own = { refundedAt, amount: 50_000_000n, currency: 'EUR' };
  return { kind: 'refunded', ...HEAD, eventId: 'r1', ...own, ...changes };
}

/** DELIVERED four seconds after acceptance. */
export function reported(changes: Partial<ReportedEvent> = {}): ReportedEvent {
  const own = { reportedAt: ACCEPTED_AT + 4_000_000, state: 2, network: 0, code: 0 } as const;
  return { kind: 'reported', ...HEAD, eventId: 'd1', ...own, ...changes };
}

const head = {
  accountId: fc.constantFrom('acme', 'zeta'),
  operatorId: fc.constantFrom('22801', '22802'),
  acceptedAt: fc.constantFrom(ACCEPTED_AT, ACCEPTED_AT + 1, ACCEPTED_AT + 900_000_000),
  source: fc.record({ sequence: fc.integer({ min: 1, max: 9 }), digest: fc.bigInt(-2n, 2n) }),
};
const later = fc.constantFrom(0, 1, 60_000_000);
const eventId = fc.constantFrom('a', 'B', 'b');
const amount = fc.constantFrom(0n, 1n, 50_000_000n);
const currency = fc.constantFrom('EUR', 'USD');

/** Any charge of one message. */
export const anyCharged: fc.Arbitrary<ChargedEvent> = fc
  .record({ ...head, eventId, later, amount, currency, segments: fc.constantFrom(1, 2) })
  .map(({ later: wait, ...fields }) => charged({ ...fields, chargedAt: fields.acceptedAt + wait }));

/** Any refund of one message. */
export const anyRefunded: fc.Arbitrary<RefundedEvent> = fc
  .record({ ...head, eventId, later, amount, currency })
  .map(({ later: wait, ...fields }) =>
    refunded({ ...fields, refundedAt: fields.acceptedAt + wait }),
  );

/** Any report of one message. */
export const anyReported: fc.Arbitrary<ReportedEvent> = fc
  .record({
    ...head,
    eventId,
    later,
    state: fc.integer({ min: 0, max: 9 }).map((state) => state as StateNumber),
    error: fc.constantFrom<[NetworkNumber, number]>([0, 0], [1, 6], [1, 1], [2, 0], [3, 1]),
  })
  .map(({ later: wait, error: [network, code], ...fields }) =>
    reported({ ...fields, network, code, reportedAt: fields.acceptedAt + wait }),
  );

/** Any event of one of three messages, on one of two days. */
export const anyEvent: fc.Arbitrary<AdmittedEvent> = fc
  .tuple(
    fc.oneof<fc.Arbitrary<AdmittedEvent>[]>(anyCharged, anyReported, anyRefunded),
    fc.constantFrom(MESSAGE_ID, `${MESSAGE_ID.slice(0, -1)}0`),
    fc.constantFrom(0, 0, 86_400_000_000),
  )
  .map(([event, messageId, shift]) => shifted({ ...event, messageId }, shift));

function shifted(event: AdmittedEvent, micros: number): AdmittedEvent {
  const acceptedAt = event.acceptedAt + micros;
  switch (event.kind) {
    case 'charged':
      return { ...event, acceptedAt, chargedAt: event.chargedAt + micros };
    case 'refunded':
      return { ...event, acceptedAt, refundedAt: event.refundedAt + micros };
    case 'reported':
      return { ...event, acceptedAt, reportedAt: event.reportedAt + micros };
  }
}

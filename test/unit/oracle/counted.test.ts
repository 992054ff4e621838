import { describe, expect, it } from 'vitest';
import { binOf } from '../../../src/domain/measures/latency.js';
import { refundOf } from '../../../src/domain/message/ledger.js';
import type { LedgerEntry } from '../../../src/domain/message/ledger-entry.js';
import { foldBatch } from '../../../src/domain/message/ledger-fold.js';
import { countedOf, countedOfRefund } from '../../oracle/counted.js';
import {
  ACCEPTED_AT,
  charged,
  instant,
  refunded,
  reported,
} from '../domain/message/ledger-events.js';

function entryFrom(
  ...events: Parameters<typeof foldBatch>[0] extends Iterable<infer E> ? E[] : never
) {
  return foldBatch(events).entries[0] as LedgerEntry;
}

const QUARTER = instant('2026-11-22T10:00:00Z');
const MINUTE = instant('2026-11-22T10:07:00Z');

describe('what a message counts for', () => {
  it('charged and DELIVERED: one cell of each rollup', () => {
    const entry = entryFrom(charged(), reported({ operatorId: '22802' }));
    expect(countedOf(entry)).toEqual({
      outcome: {
        bucket: QUARTER,
        accountId: 'acme',
        operatorId: '22802',
        outcome: 'DELIVERED',
        reason: '',
        messages: 1n,
        segments: 2n,
        contradicted: 0n,
      },
      money: {
        bucket: QUARTER,
        accountId: 'acme',
        operatorId: '22801',
        currency: 'EUR',
        charges: 1n,
        charged: 50_000_000n,
        refunds: 0n,
        refunded: 0n,
      },
      latency: { bucket: QUARTER, operatorId: '22802', bin: binOf(4_000_000), messages: 1n },
      accepted: { bucket: MINUTE, operatorId: '22802', accepted: 1n, completed: 0n },
      completed: { bucket: MINUTE, operatorId: '22802', accepted: 0n, completed: 1n },
    });
  });

  it('charged alone: pending under the charge, nothing completed', () => {
    const counted = countedOf(entryFrom(charged()));
    expect(counted.outcome).toMatchObject({ operatorId: '22801', outcome: 'PENDING', reason: '' });
    expect([counted.latency, counted.completed]).toEqual([undefined, undefined]);
  });

  it('reported alone: accepted all the same, under the report, with no segments and no money', () => {
    const report = reported({ state: 5, network: 1, code: 6, accountId: 'zeta' });
    const counted = countedOf(entryFrom(report));
    expect(counted.outcome).toMatchObject({
      accountId: 'zeta',
      outcome: 'UNDELIVERABLE',
      reason: 'ABSENT_SUBSCRIBER',
      segments: 0n,
    });
    expect([counted.money, counted.latency]).toEqual([undefined, undefined]);
  });

  it('charged to another account than reported: under the account that was charged', () => {
    const counted = countedOf(entryFrom(charged(), reported({ accountId: 'zeta' })));
    expect(counted.outcome.accountId).toBe('acme');
  });

  it('an UNKNOWN message is not completed', () => {
    const counted = countedOf(entryFrom(charged(), reported({ state: 7 })));
    expect(counted.outcome).toMatchObject({ outcome: 'UNKNOWN', reason: 'NO_CODE' });
    expect(counted.completed).toBeUndefined();
  });

  it('a failure is completed in the minute of its report, accepted in its own', () => {
    const reportedAt = instant('2026-11-22T23:59:59.999999Z');
    const counted = countedOf(entryFrom(charged(), reported({ state: 3, reportedAt })));
    expect(counted.completed?.bucket).toBe(instant('2026-11-22T23:59:00Z'));
    expect(counted.accepted.bucket).toBe(MINUTE);
    expect(counted.outcome.bucket).toBe(QUARTER);
  });

  it('a late DELIVERED moves the message in its original bucket and contradicts the failure', () => {
    const failure = reported({ state: 3, eventId: 'd0' });
    const late = reported({ reportedAt: ACCEPTED_AT + 7_200_000_000 });
    const counted = countedOf(entryFrom(failure, late, charged()));
    expect(counted.outcome).toMatchObject({
      bucket: QUARTER,
      outcome: 'DELIVERED',
      contradicted: 1n,
    });
  });

  it('money is counted when it was charged, not when the message was accepted', () => {
    const chargedAt = instant('2026-11-22T10:30:00Z');
    const counted = countedOf(entryFrom(charged({ chargedAt })));
    expect(counted.money?.bucket).toBe(chargedAt);
  });

  it.each([
    ['2024-02-29T23:59:59Z', '2024-02-29T23:45:00Z'],
    // Both sides of the change of the clocks in Zurich, 2026-10-25T01:00:00Z.
    ['2026-10-25T02:59:59+02:00', '2026-10-25T00:45:00Z'],
    ['2026-10-25T02:00:00+01:00', '2026-10-25T01:00:00Z'],
  ])('accepted at %s is in the quarter hour of %s', (at, quarter) => {
    const acceptedAt = instant(at);
    const counted = countedOf(entryFrom(charged({ acceptedAt, chargedAt: acceptedAt })));
    expect(counted.outcome.bucket).toBe(instant(quarter));
  });

  it('nothing known is a mistake of the caller', () => {
    const empty = { ...entryFrom(charged()), charge: undefined };
    expect(() => countedOf(empty)).toThrow(RangeError);
  });
});

describe('what a refund counts for', () => {
  it('money under its own account, operator and currency, when it was refunded', () => {
    const refund = refundOf(refunded({ accountId: 'zeta', currency: 'USD' }));
    expect(countedOfRefund(refund)).toEqual({
      bucket: instant('2026-11-22T11:00:00Z'),
      accountId: 'zeta',
      operatorId: '22801',
      currency: 'USD',
      charges: 0n,
      charged: 0n,
      refunds: 1n,
      refunded: 50_000_000n,
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChargedEvent, ReportedEvent } from '../../../../src/domain/message/event.js';
import {
  entryOf,
  joinEntries,
  joinRefunds,
  refundOf,
} from '../../../../src/domain/message/ledger.js';
import type {
  LedgerCharge,
  LedgerEntry,
  LedgerReport,
} from '../../../../src/domain/message/ledger-entry.js';
import { compareCharges, compareReports } from '../../../../src/domain/message/ledger-order.js';
import {
  ACCEPTED_AT,
  anyCharged,
  anyRefunded,
  anyReported,
  charged,
  MESSAGE_ID,
  refunded,
  reported,
} from './ledger-events.js';

const DELIVERED = 2;
const EXPIRED = 3;
const UNDELIVERABLE = 5;
const UNKNOWN = 7;
const ENROUTE = 1;
const SECOND = 1_000_000;

function join(...events: readonly (ChargedEvent | ReportedEvent)[]): LedgerEntry {
  return events.map(entryOf).reduce((left, right) => joinEntries(left, right).kept);
}

function bothWays(left: ReportedEvent, right: ReportedEvent): LedgerReport {
  const entry = join(left, right);
  expect(join(right, left)).toEqual(entry);
  return entry.report as LedgerReport;
}

describe('the report of a message', () => {
  it('is a failure rather than UNKNOWN, UNKNOWN rather than pending, whatever came later', () => {
    const at = ACCEPTED_AT;
    const enroute = reported({ state: ENROUTE, reportedAt: at + 9 * SECOND });
    const unknown = reported({ state: UNKNOWN, reportedAt: at + 8 * SECOND });
    const expired = reported({ state: EXPIRED, reportedAt: at + 7 * SECOND });
    expect(bothWays(enroute, unknown).state).toBe(UNKNOWN);
    expect(bothWays(unknown, expired).state).toBe(EXPIRED);
    expect(bothWays(expired, enroute).state).toBe(EXPIRED);
  });

  it('is DELIVERED although a failure came later, and the message is contradicted', () => {
    const failure = reported({ state: EXPIRED, reportedAt: ACCEPTED_AT + 90 * SECOND });
    const entry = join(failure, reported());
    expect(entry.report?.state).toBe(DELIVERED);
    expect([entry.deliveredSeen, entry.failureSeen]).toEqual([true, true]);
  });

  it('is the earlier of two DELIVERED, and its latency the shorter', () => {
    const early = reported({ reportedAt: ACCEPTED_AT + 1 });
    const late = reported({ reportedAt: ACCEPTED_AT + 4 * SECOND, eventId: 'z' });
    // 1 microsecond is the first bin above 0.
    expect(bothWays(early, late)).toMatchObject({ reportedAt: ACCEPTED_AT + 1, latencyBin: 1 });
  });

  it('is the later of two failures', () => {
    const early = reported({ state: EXPIRED, reportedAt: ACCEPTED_AT + 1 });
    const late = reported({
      state: UNDELIVERABLE,
      reportedAt: ACCEPTED_AT + 2,
      network: 1,
      code: 6,
    });
    expect(bothWays(early, late)).toMatchObject({ reason: 'ABSENT_SUBSCRIBER' });
  });

  it.each<[string, Partial<ReportedEvent>, Partial<ReportedEvent>]>([
    ['state', { state: EXPIRED }, { state: UNDELIVERABLE }],
    ['network', { state: EXPIRED, network: 1, code: 9 }, { state: EXPIRED, network: 2, code: 1 }],
    ['code', { state: EXPIRED, network: 1, code: 6 }, { state: EXPIRED, network: 1, code: 27 }],
    ['account', { accountId: 'Zeta', operatorId: 'z' }, { accountId: 'acme', operatorId: 'a' }],
    ['operator', { operatorId: '22801', eventId: 'z' }, { operatorId: '22802', eventId: 'a' }],
    ['event', { eventId: 'B' }, { eventId: 'a' }],
  ])('at the same time is the one with the greater %s', (_, lesser, greater) => {
    expect(bothWays(reported(lesser), reported(greater))).toEqual(
      entryOf(reported(greater)).report,
    );
  });

  it('measures latency from the acceptance that its own event states', () => {
    const own = reported({ acceptedAt: ACCEPTED_AT, reportedAt: ACCEPTED_AT + 1 });
    const entry = join(own, charged({ acceptedAt: ACCEPTED_AT - 60 * SECOND }));
    expect(entry.report?.latencyBin).toBe(1);
    expect(entry.acceptedAt).toBe(ACCEPTED_AT - 60 * SECOND);
  });

  it('has the greater latency of two copies that disagree on acceptance alone', () => {
    const at = ACCEPTED_AT + 4 * SECOND;
    const long = reported({ reportedAt: at });
    const short = reported({ reportedAt: at, acceptedAt: ACCEPTED_AT + 3 * SECOND });
    expect(bothWays(short, long)).toEqual(entryOf(long).report);
  });

  it('keeps the reason that was counted when a copy of it is judged by another table', () => {
    const entry = entryOf(reported({ state: UNDELIVERABLE, network: 1, code: 6 }));
    const stored = { ...entry, report: { ...(entry.report as LedgerReport), reason: 'OLD' } };
    expect(joinEntries(stored, entry).kept.report?.reason).toBe('OLD');
  });
});

describe('the charge of a message', () => {
  it.each<[string, Partial<ChargedEvent>, Partial<ChargedEvent>]>([
    ['time', { eventId: 'z' }, { chargedAt: ACCEPTED_AT + 1, eventId: 'a' }],
    ['event', { eventId: 'B', segments: 3 }, { eventId: 'a', segments: 1 }],
    ['segments', { segments: 1, amount: 9n }, { segments: 2, amount: 1n }],
    ['amount', { amount: 9n, currency: 'USD' }, { amount: 10n, currency: 'EUR' }],
    ['currency', { currency: 'EUR', accountId: 'z' }, { currency: 'USD', accountId: 'a' }],
    ['account', { accountId: 'Z', operatorId: '2' }, { accountId: 'a', operatorId: '1' }],
    ['operator', { operatorId: '1' }, { operatorId: '2' }],
  ])('is the one with the lesser %s, and the other is displaced', (_, lesser, greater) => {
    const winner = entryOf(charged(lesser));
    const loser = entryOf(charged(greater));
    const wins = { kept: winner, displaced: loser.charge };
    expect(joinEntries(winner, loser)).toEqual(wins);
    expect(joinEntries(loser, winner)).toEqual(wins);
  });

  it('of two copies is one charge with the source that was stored first', () => {
    const first = charged({ source: { sequence: 5, digest: 2n } });
    const again = charged({ source: { sequence: 9, digest: 1n } });
    const { kept, displaced } = joinEntries(entryOf(again), entryOf(first));
    expect(kept.charge?.source).toEqual({ sequence: 5, digest: 2n });
    expect(displaced).toBeUndefined();
  });
});

describe('the refund of a message', () => {
  it('is the least of its contents, and the other is displaced', () => {
    const less = refundOf(refunded({ amount: 1n }));
    const more = refundOf(refunded({ amount: 2n }));
    expect(joinRefunds(more, less)).toEqual({ kept: less, displaced: more });
    expect(joinRefunds(less, more)).toEqual({ kept: less, displaced: more });
    expect(joinRefunds(less, less)).toEqual({ kept: less, displaced: undefined });
  });
});

describe('the key of a message', () => {
  it('is the UTC day of its acceptance and its id', () => {
    expect(entryOf(charged())).toMatchObject({ day: 20_779, messageId: MESSAGE_ID });
    const next = entryOf(charged({ acceptedAt: ACCEPTED_AT + 86_400 * SECOND }));
    expect(next.day).toBe(20_780);
    expect(() => joinEntries(entryOf(charged()), next)).toThrow(RangeError);
  });
});

const anyEntryEvent = fc.oneof(anyCharged, anyReported);
const anyEntry = fc
  .array(anyEntryEvent, { minLength: 1, maxLength: 4 })
  .map((events) => join(...events));

describe('joining entries', () => {
  it('is commutative', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (a, b) => {
        expect(joinEntries(a, b)).toEqual(joinEntries(b, a));
      }),
    );
  });

  it('is associative', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, anyEntry, (a, b, c) => {
        const left = joinEntries(joinEntries(a, b).kept, c).kept;
        expect(joinEntries(a, joinEntries(b, c).kept).kept).toEqual(left);
      }),
    );
  });

  it('is idempotent, and displaces nothing by itself', () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, (a, b) => {
        expect(joinEntries(a, a)).toEqual({ kept: a, displaced: undefined });
        const joined = joinEntries(a, b).kept;
        expect(joinEntries(joined, a).kept).toEqual(joined);
      }),
    );
  });

  it('keeps or displaces every distinct charge, in any order and grouping', () => {
    fc.assert(
      fc.property(
        fc.array(anyCharged, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        (events, seed) => {
          const { kept, displaced } = joinInAnyGrouping(events.map(entryOf), seed);
          const found = [...displaced, kept.charge as LedgerCharge].map(contentOf);
          const distinct = events.map((event) => contentOf(entryOf(event).charge as LedgerCharge));
          expect(new Set(found)).toEqual(new Set(distinct));
          expect(new Set(displaced.map(contentOf))).not.toContain(
            contentOf(kept.charge as LedgerCharge),
          );
        },
      ),
    );
  });
});

/** Joins neighbours chosen by `seed` until one entry is left. */
function joinInAnyGrouping(
  entries: readonly LedgerEntry[],
  seed: number,
): { kept: LedgerEntry; displaced: LedgerCharge[] } {
  const rest = [...entries];
  const displaced: LedgerCharge[] = [];
  while (rest.length > 1) {
    const at = seed % (rest.length - 1);
    const joined = joinEntries(rest[at + 1] as LedgerEntry, rest[at] as LedgerEntry);
    rest.splice(at, 2, joined.kept);
    if (joined.displaced !== undefined) displaced.push(joined.displaced);
  }
  return { kept: rest[0] as LedgerEntry, displaced };
}

function contentOf({ source: _, ...content }: LedgerCharge): string {
  return Object.entries(content).join(';');
}

describe('the orders', () => {
  it('of reports and charges are total: equal only where nothing but the source differs', () => {
    fc.assert(
      fc.property(anyReported, anyReported, anyCharged, anyCharged, (r, s, c, d) => {
        const reports = [r, s].map((event) => entryOf(event).report as LedgerReport);
        const [report, other] = reports as [LedgerReport, LedgerReport];
        expect(compareReports(report, other) === 0).toBe(
          Object.entries(report).join() === Object.entries(other).join(),
        );
        expect(Math.sign(compareReports(report, other))).toBe(
          0 - Math.sign(compareReports(other, report)),
        );
        const charges = [c, d].map((event) => entryOf(event).charge as LedgerCharge);
        const [charge, rival] = charges as [LedgerCharge, LedgerCharge];
        expect(compareCharges(charge, rival) === 0).toBe(contentOf(charge) === contentOf(rival));
      }),
    );
  });

  it('of refunds joins commutatively and associatively', () => {
    const anyRefund = anyRefunded.map((event) => ({ ...refundOf(event), eventId: 'r', day: 1 }));
    fc.assert(
      fc.property(anyRefund, anyRefund, anyRefund, (a, b, c) => {
        expect(joinRefunds(a, b)).toEqual(joinRefunds(b, a));
        expect(joinRefunds(joinRefunds(a, b).kept, c).kept).toEqual(
          joinRefunds(a, joinRefunds(b, c).kept).kept,
        );
      }),
    );
  });
});

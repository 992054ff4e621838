import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AdmittedEvent } from '../../../../src/domain/message/event.js';
import { foldBatch } from '../../../../src/domain/message/ledger-fold.js';
import { classOf } from '../../../../src/domain/message/outcome.js';
import { anyEvent, charged, MESSAGE_ID, refunded, reported } from './ledger-events.js';

const DAY_MICROS = 86_400_000_000;

/** The contract's words over the whole set of events, without any join: sort and take the first. */
function model(events: readonly AdmittedEvent[]) {
  const messages = new Map<string, AdmittedEvent[]>();
  const refunds = new Map<string, string[]>();
  for (const event of events) {
    const key = `${Math.floor(event.acceptedAt / DAY_MICROS)} ${event.messageId}`;
    if (event.kind === 'refunded') {
      const of = `${key} ${event.eventId}`;
      refunds.set(of, [...(refunds.get(of) ?? []), contentOf(event)]);
    } else {
      messages.set(key, [...(messages.get(key) ?? []), event]);
    }
  }
  const entries = new Map<string, unknown>();
  const conflicts: string[] = [];
  for (const [key, all] of messages) {
    const charges = [...new Set(all.filter((e) => e.kind === 'charged').map(contentOf))].sort();
    conflicts.push(...charges.slice(1).map((content) => `${key} ${content}`));
    const ranked = all
      .filter((event) => event.kind === 'reported')
      .map((event) => {
        const rank = classOf(event.state);
        const time = rank === 4 ? -event.reportedAt : event.reportedAt;
        const { network, code, accountId, operatorId, eventId } = event;
        return {
          key: [rank, time, event.state, network, code, accountId, operatorId, eventId],
          event,
        };
      })
      .sort((left, right) => byTuple(right.key, left.key));
    const classes = ranked.map(({ event }) => classOf(event.state));
    entries.set(key, {
      acceptedAt: Math.min(...all.map((event) => event.acceptedAt)),
      charge: charges[0],
      report: ranked[0]?.key.join(),
      contradicted: classes.includes(4) && classes.includes(3),
    });
  }
  const kept = new Map<string, string>();
  for (const [key, contents] of refunds) {
    const [least = '', ...rest] = [...new Set(contents)].sort();
    kept.set(key, least);
    conflicts.push(...rest.map((content) => `${key} ${content}`));
  }
  return { entries, refunds: kept, conflicts: conflicts.length };
}

function byTuple(left: readonly (string | number)[], right: readonly (string | number)[]): number {
  for (let at = 0; at < left.length; at++) {
    const [a, b] = [left[at] as string | number, right[at] as string | number];
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}

/** Content such that the text order is the contract's: numbers padded to one width. */
function contentOf(event: object): string {
  const e = event as Record<string, number | bigint | string | undefined>;
  const pad = (value: unknown): string => String(value).padStart(20, '0');
  const parties = [e.currency, e.accountId, e.operatorId];
  if (e.refundedAt !== undefined) return [pad(e.refundedAt), pad(e.amount), ...parties].join(' ');
  return [pad(e.chargedAt), e.eventId, e.segments, pad(e.amount), ...parties].join(' ');
}

describe('a folded batch', () => {
  it('is what the contract says of the set of its events, in any order and with copies', () => {
    const batch = fc.array(anyEvent, { maxLength: 25 });
    fc.assert(
      fc.property(batch, (events) => {
        const folded = foldBatch(events);
        const expected = model(events);
        const entries = folded.entries.map((entry): [string, unknown] => {
          const report = entry.report;
          const rank = report && classOf(report.state);
          const time = report && (rank === 4 ? -report.reportedAt : report.reportedAt);
          const key = report && [rank, time, report.state, report.network, report.code];
          const ids = report && [report.accountId, report.operatorId, report.eventId];
          return [
            `${entry.day} ${entry.messageId}`,
            {
              acceptedAt: entry.acceptedAt,
              charge: entry.charge && contentOf(entry.charge),
              report: key && ids && [...key, ...ids].join(),
              contradicted: entry.deliveredSeen && entry.failureSeen,
            },
          ];
        });
        expect(new Map(entries)).toEqual(expected.entries);
        const refunds = folded.refunds.map((refund): [string, string] => [
          `${refund.day} ${refund.messageId} ${refund.eventId}`,
          contentOf(refund),
        ]);
        expect(new Map(refunds)).toEqual(expected.refunds);
        expect(folded.conflicts.length).toBe(expected.conflicts);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same for every order of its events and with every event twice', () => {
    const orders = fc
      .array(anyEvent, { maxLength: 25 })
      .chain((events) =>
        fc.tuple(
          fc.constant(events),
          fc.shuffledSubarray([...events, ...events], { minLength: 2 * events.length }),
        ),
      );
    fc.assert(
      fc.property(orders, ([events, shuffled]) => {
        expect(foldBatch(shuffled)).toEqual(foldBatch(events));
      }),
    );
  });

  it('is sorted by key', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 25 }), (events) => {
        const { entries, refunds } = foldBatch(events);
        const keys = entries.map((entry) => `${entry.day} ${entry.messageId}`);
        expect(keys).toEqual([...keys].sort());
        const refundKeys = refunds.map((r) => `${r.day} ${r.messageId} ${r.eventId}`);
        expect(refundKeys).toEqual([...refundKeys].sort());
      }),
    );
  });

  it('names a second, different charge once, however often and wherever it came', () => {
    const winner = charged();
    const copies = [7, 3, 9].map((sequence) =>
      charged({ amount: 60_000_000n, source: { sequence, digest: 2n } }),
    );
    for (const batch of [
      [winner, ...copies],
      [...copies, winner],
      [copies[0], winner, ...copies],
    ]) {
      const { entries, conflicts } = foldBatch(batch as AdmittedEvent[]);
      expect(entries[0]?.charge?.amount).toBe(50_000_000n);
      expect(conflicts).toEqual([
        {
          kind: 'charged',
          day: 20_779,
          messageId: MESSAGE_ID,
          eventId: 'c1',
          accountId: 'acme',
          operatorId: '22801',
          source: { sequence: 3, digest: 2n },
        },
      ]);
    }
  });

  it('has no ledger entry of a message that is known by refunds alone', () => {
    expect(foldBatch([refunded()])).toMatchObject({ entries: [], refunds: [{ eventId: 'r1' }] });
  });

  it('counts the same id on two days as two messages', () => {
    const next = charged().acceptedAt + DAY_MICROS;
    const entries = foldBatch([reported(), charged({ acceptedAt: next, chargedAt: next })]).entries;
    expect(entries.map((entry) => entry.day)).toEqual([20_779, 20_780]);
  });
});

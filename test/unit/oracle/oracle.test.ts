// The oracle itself, on a story small enough to be worked out by hand; and the domain's ledger
// against the oracle on generated traffic, before any engine is involved.

import { describe, expect, it } from 'vitest';
import { publications } from '../../../deploy/local/traffic/schedule.js';
import { decode } from '../../../src/counting/decode/decode.js';
import { entryOf, joinEntries, joinRefunds, refundOf } from '../../../src/domain/message/ledger.js';
import type { LedgerEntry, LedgerRefund } from '../../../src/domain/message/ledger-entry.js';
import { countedOf, countedOfRefund } from '../../oracle/counted.js';
import { countsOf, decimal, latencyOf, moneyOf } from '../../oracle/figures.js';
import type { Stored } from '../../oracle/judge.js';
import { ledgerOf } from '../../oracle/ledger.js';
import { type Cells, cellDifferences, cellsOf } from '../../oracle/rollup-cells.js';

const SECOND = 1_000_000;
const NOON = Date.UTC(2026, 10, 22, 12) * 1000;
const ONE = '01931f2e-0000-7000-8000-000000000001';
const TWO = '01931f2e-0000-7000-8000-000000000002';

function stored(subject: string, fields: Record<string, unknown>): Stored {
  const event = { accountId: 'acme', operatorId: '22801', acceptedAt: at(0), ...fields };
  const payload = new TextEncoder().encode(JSON.stringify(event));
  return { subject, contentType: 'application/json', payload, storedAt: NOON + 600 * SECOND };
}

/** RFC 3339 of so many seconds past noon. */
function at(seconds: number): string {
  return new Date(NOON / 1000 + seconds * 1000).toISOString();
}

const charged = (eventId: string, messageId: string, amount: string, more = {}) =>
  stored('sms.billing.v1.charged', {
    ...{ eventId, messageId, amount, segments: 2, currency: 'EUR', chargedAt: at(0) },
    ...more,
  });
const reported = (eventId: string, messageId: string, seconds: number, state: string) =>
  stored('sms.dlr.v1.reported', { eventId, messageId, state, reportedAt: at(seconds) });

describe('the oracle', () => {
  it('joins two messages of a contradiction, a conflict and a refund as worked out by hand', () => {
    // ONE: charged 0.10 (c1, earlier) and 0.20 (c2): c1 counts, c2 conflicts. Failed after 5 s,
    // then delivered after
    //      9 s: delivered, contradicted, latency 9 s.
    // TWO: no charge; delivered after 7 s and after 4 s: the earlier, 4 s. Given back 0.05 under
    // r1.
    const ledger = ledgerOf([
      charged('c2', ONE, '0.20', { chargedAt: at(1) }),
      charged('c1', ONE, '0.10'),
      charged('c1', ONE, '0.10'),
      reported('d2', ONE, 9, 'DELIVERED'),
      reported('d1', ONE, 5, 'UNDELIVERABLE'),
      reported('d3', TWO, 7, 'DELIVERED'),
      reported('d4', TWO, 4, 'DELIVERED'),
      stored('sms.billing.v1.refunded', {
        ...{ eventId: 'r1', messageId: TWO, amount: '0.05', currency: 'EUR', refundedAt: at(8) },
      }),
      reported('d5', TWO, 4, 'LOST'),
    ]);
    const counts = countsOf(ledger.messages);
    expect(counts).toMatchObject({ accepted: 2n, delivered: 2n, contradicted: 1n, segments: 2n });
    expect(latencyOf(ledger.messages)).toMatchObject({
      p50: { seconds: 4n, nanos: 0 },
      p99: { seconds: 9n, nanos: 0 },
    });
    // 0.10 - 0.05 = 0.05 net, over two delivered: 0.025.
    const [money] = moneyOf(ledger, { start: NOON, end: NOON + 900 * SECOND }, counts.delivered);
    expect(money).toMatchObject({ charges: 1n, refunds: 1n, net: '0.050000000' });
    expect(money?.netPerDelivered).toBe('0.025000000');
    expect(ledger.conflicts.map(({ eventId }) => eventId)).toEqual(['c2']);
    expect([...ledger.refused]).toEqual([['invalid_field', 1]]);
  });

  it('agrees with the domain on every cell and every refusal of half a day of traffic', () => {
    const plan = { seed: 11, paces: [{ from: NOON, eventsPerSecond: 0.5, rhythm: false }] };
    const events = [...publications(plan, NOON, NOON + 12 * 3600 * SECOND)].map(
      ({ subject, payload, headers, at: storedAt }): Stored => {
        return { subject, payload, contentType: headers['content-type'] ?? '', storedAt };
      },
    );
    expect(events.length).toBeGreaterThan(15_000);
    const ledger = ledgerOf(events);
    const domain = domainOf([...events].reverse());
    expect(cellDifferences(domain.cells, baseOnly(cellsOf(ledger)))).toEqual([]);
    expect(Object.fromEntries(domain.refused)).toEqual(Object.fromEntries(ledger.refused));
    expect(ledger.conflicts.length).toBeGreaterThan(0);
  }, 300_000);
});

function baseOnly(cells: Cells): Cells {
  return new Map([...cells].filter(([name]) => /^\w+_account\|15\||\|1\|/.test(name)));
}

/** The same cells by the code under test: decoded, joined step by step, counted. */
function domainOf(events: readonly Stored[]) {
  const entries = new Map<string, LedgerEntry>();
  const refunds = new Map<string, LedgerRefund>();
  const refused = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    const decoded = decode({ ...event, sequence: index + 1, timestamp: event.storedAt });
    if (!decoded.admitted) {
      const { reason } = decoded.refusal;
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
    } else if (decoded.event.kind === 'refunded') {
      const refund = refundOf(decoded.event);
      const key = `${refund.day} ${refund.messageId} ${refund.eventId}`;
      const known = refunds.get(key);
      refunds.set(key, known ? joinRefunds(known, refund).kept : refund);
    } else {
      const entry = entryOf(decoded.event);
      const key = `${entry.day} ${entry.messageId}`;
      const known = entries.get(key);
      entries.set(key, known ? joinEntries(known, entry).kept : entry);
    }
  }
  return { cells: cellsOfDomain([...entries.values()], [...refunds.values()]), refused };
}

function cellsOfDomain(entries: LedgerEntry[], refunds: LedgerRefund[]): Cells {
  const sums = new Map<string, bigint[]>();
  const add = (key: (string | number)[], amounts: bigint[]) => {
    const before = sums.get(key.join('|')) ?? amounts.map(() => 0n);
    sums.set(
      key.join('|'),
      before.map((sum, index) => sum + (amounts[index] ?? 0n)),
    );
  };
  const iso = (micros: number) => new Date(micros / 1000).toISOString();
  const counted = entries.map(countedOf);
  for (const { outcome, accepted, completed } of counted) {
    const { accountId, operatorId, reason, messages, segments, contradicted } = outcome;
    add(
      ['outcome_account', 15, iso(outcome.bucket), accountId, operatorId, outcome.outcome, reason],
      [messages, segments, contradicted],
    );
    for (const cell of completed ? [accepted, completed] : [accepted]) {
      const key = ['throughput_platform', 1, iso(cell.bucket), cell.operatorId];
      add(key, [cell.accepted, cell.completed]);
    }
  }
  for (const cell of [
    ...counted.flatMap(({ money }) => money ?? []),
    ...refunds.map(countedOfRefund),
  ]) {
    const { accountId, operatorId, currency, charges, charged, refunds: back, refunded } = cell;
    const key = ['money_account', 15, iso(cell.bucket), accountId, operatorId, currency];
    add(key, [charges, charged, back, refunded]);
  }
  return new Map(
    [...sums].map(([key, values]) => {
      const money = key.startsWith('money');
      const text = (value: bigint, index: number) =>
        money && index % 2 === 1 ? decimal(value) : String(value);
      return [key, values.map(text).join(' ')];
    }),
  );
}

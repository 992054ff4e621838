// The ledger statement against the pure join (src/domain): generated histories full of ties, copies
// and conflicts, each event twice, shuffled, cut into batches and applied by two workers at once.
// What is stored must be what the join says of the set of events, to the last unit.
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  applyBatch,
  conflictLetters,
  encodeBatch,
} from '../../../src/counting/ledger/apply-batch.js';
import { formatNanos } from '../../../src/domain/measures/decimal.js';
import type { AdmittedEvent } from '../../../src/domain/message/event.js';
import type { LedgerEntry } from '../../../src/domain/message/ledger-entry.js';
import { type FoldedBatch, foldBatch } from '../../../src/domain/message/ledger-fold.js';
import { type EpochMicros, formatDay } from '../../../src/domain/time/instant.js';
import { countedOf, countedOfRefund, type MoneyCell } from '../../oracle/counted.js';
import { createDatabase } from '../../support/engines.js';
import {
  ACCEPTED_AT,
  anyEvent,
  MESSAGE_ID,
  reported,
} from '../../unit/domain/message/ledger-events.js';

const GENERATION = 1;
const HISTORIES = 200;

let owner: pg.Pool;
let workers: pg.Pool;
let streamId: number;

beforeAll(async () => {
  const database = await createDatabase();
  owner = new pg.Pool({ connectionString: database.superuserUrl });
  workers = new pg.Pool({ connectionString: database.url('analytics_ingest'), max: 2 });
  const days = [GENERATION, '2026-11-22', '2026-11-23'];
  await owner.query('SELECT create_ledger_days($1, $2, $3)', days);
  const { rows } = await owner.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id as number;
});

afterAll(async () => {
  await workers.end();
  await owner.end();
});

async function apply(events: readonly AdmittedEvent[], worker: string): Promise<void> {
  const folded = foldBatch(events);
  const highestSequence = Math.max(...events.map((event) => event.source.sequence));
  const batch = { folded, deadLetters: conflictLetters(folded), highestSequence };
  await applyBatch(workers, { generation: GENERATION, streamId, worker }, encodeBatch(batch));
}

/**
 * Applies `events` in batches of 1 to 5, every other batch by the other worker at the same time.
 */
async function applyConcurrently(events: readonly AdmittedEvent[], size: number): Promise<void> {
  for (let at = 0; at < events.length; at += 2 * size) {
    const [left, right] = [events.slice(at, at + size), events.slice(at + size, at + 2 * size)];
    await Promise.all([
      apply(left, 'one'),
      right.length > 0 ? apply(right, 'two') : Promise.resolve(),
    ]);
  }
}

function ledgerLine(entry: LedgerEntry): string {
  const { report, charge } = entry;
  const key = [formatDay(entry.day), entry.messageId, entry.acceptedAt];
  const seen = [entry.deliveredSeen, entry.failureSeen];
  const ofReport = report && [
    ...[report.reportedAt, report.state, report.network, report.code, report.accountId],
    ...[report.operatorId, report.eventId, report.reason, report.latencyBin ?? ''],
  ];
  const ofCharge = charge && [
    ...[charge.chargedAt, charge.eventId, charge.segments, formatNanos(charge.amount)],
    ...[charge.currency, charge.accountId, charge.operatorId],
  ];
  return [...key, ...seen, ...(ofReport ?? ['none']), ...(ofCharge ?? ['none'])].join('|');
}

const MICROS = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;
const bool = (column: string) => `CASE WHEN ${column} THEN 'true' ELSE 'false' END`;
const LEDGER = `
  SELECT concat_ws('|', accepted_day, message_id, ${MICROS('accepted_at')},
    ${bool('delivered_seen')}, ${bool('failure_seen')},
    CASE WHEN report_class = 0 THEN 'none' ELSE concat_ws('|', ${MICROS('reported_at')},
      report_state, report_network, report_code, report_account, report_operator, report_event,
      reason, coalesce(latency_bin::text, '')) END,
    CASE WHEN charge_event = '' THEN 'none' ELSE concat_ws('|', ${MICROS('charged_at')},
      charge_event, segments, trim_scale(amount), currency, charge_account, charge_operator) END)
  FROM ledger WHERE generation = ${GENERATION} ORDER BY accepted_day, message_id`;
const REFUNDS = `
  SELECT concat_ws('|', accepted_day, message_id, event_id, ${MICROS('refunded_at')},
    trim_scale(amount), currency, account_id, operator_id)
  FROM refund WHERE generation = ${GENERATION} ORDER BY accepted_day, message_id, event_id`;
const CELLS = `
  SELECT concat_ws('|', 'outcome', ${MICROS('bucket')}, account_id, operator_id, outcome, reason),
    concat_ws(' ', messages, segments, contradicted)
  FROM outcome_account WHERE generation = ${GENERATION} AND grain_minutes = 15 AND messages <> 0
  UNION ALL
  SELECT concat_ws('|', 'money', ${MICROS('bucket')}, account_id, operator_id, currency),
    concat_ws(' ', charges, (charged * 1e9)::numeric(38), refunds, (refunded * 1e9)::numeric(38))
  FROM money_account WHERE generation = ${GENERATION} AND grain_minutes = 15
    AND (charges <> 0 OR refunds <> 0)
  UNION ALL
  SELECT concat_ws('|', 'latency', ${MICROS('bucket')}, operator_id, bin), messages::text
  FROM latency_platform WHERE generation = ${GENERATION} AND grain_minutes = 15 AND messages <> 0
  UNION ALL
  SELECT concat_ws('|', 'throughput', ${MICROS('bucket')}, operator_id),
    concat_ws(' ', accepted, completed)
  FROM throughput_platform WHERE generation = ${GENERATION} AND grain_minutes = 1
    AND (accepted <> 0 OR completed <> 0)`;

async function lines(text: string): Promise<string[]> {
  const { rows } = await owner.query<string[]>({ text, rowMode: 'array' });
  return rows.map((row) => row.join(' '));
}

/** The base-grain cells that the batch counts for, as `CELLS` writes them, sorted. */
function cellsOf(folded: FoldedBatch): string[] {
  const sums = new Map<string, bigint[]>();
  const add = (key: readonly (string | EpochMicros)[], amounts: readonly bigint[]): void => {
    const known = sums.get(key.join('|'));
    sums.set(
      key.join('|'),
      amounts.map((amount, at) => amount + (known?.[at] ?? 0n)),
    );
  };
  const addMoney = (cell: MoneyCell): void =>
    add(
      ['money', cell.bucket, cell.accountId, cell.operatorId, cell.currency],
      [cell.charges, cell.charged, cell.refunds, cell.refunded],
    );
  for (const entry of folded.entries) {
    const { outcome, money, latency, accepted, completed } = countedOf(entry);
    add(
      [
        'outcome',
        outcome.bucket,
        outcome.accountId,
        outcome.operatorId,
        outcome.outcome,
        outcome.reason,
      ],
      [outcome.messages, outcome.segments, outcome.contradicted],
    );
    if (money !== undefined) addMoney(money);
    if (latency !== undefined) {
      add(['latency', latency.bucket, latency.operatorId, latency.bin], [latency.messages]);
    }
    for (const cell of completed === undefined ? [accepted] : [accepted, completed]) {
      add(['throughput', cell.bucket, cell.operatorId], [cell.accepted, cell.completed]);
    }
  }
  for (const refund of folded.refunds) addMoney(countedOfRefund(refund));
  return [...sums].map(([key, amounts]) => `${key} ${amounts.join(' ')}`).sort();
}

describe('the ledger statement', () => {
  const events: AdmittedEvent[] = [];

  it('stores what the join says, whatever the order, the copies and the workers', async () => {
    const histories = fc.sample(
      fc.array(anyEvent, { minLength: 2, maxLength: 14 }).chain((history) =>
        fc.tuple(
          fc.constant(history),
          fc.shuffledSubarray([...history.keys(), ...history.keys()], {
            minLength: 2 * history.length,
          }),
          fc.integer({ min: 1, max: 5 }),
        ),
      ),
      { numRuns: HISTORIES, seed: 20_261_122 },
    );
    for (const [at, [history, order, size]] of histories.entries()) {
      const own = history.map((event, index) => ({
        ...event,
        messageId: at.toString(16).padStart(8, '0') + event.messageId.slice(8),
        source: { sequence: at * 100 + index + 1, digest: BigInt(index) },
      }));
      events.push(...own);
      await applyConcurrently(
        order.map((index) => own[index] as AdmittedEvent),
        size,
      );
    }
    await expectStored(events);
  });

  it('counts the greater latency of copies that disagree on acceptance alone, in both orders', async () => {
    const orders = [
      [0, 3_000_000],
      [3_000_000, 0],
    ];
    for (const [at, order] of orders.entries()) {
      for (const [index, later] of order.entries()) {
        const copy = reported({
          messageId: `ffffffff${MESSAGE_ID.slice(8, -1)}${at}`,
          acceptedAt: ACCEPTED_AT + later,
          reportedAt: ACCEPTED_AT + 4_000_000,
          source: { sequence: 1_000_000 + 2 * at + index, digest: 1n },
        });
        events.push(copy);
        await apply([copy], 'one');
      }
    }
    await expectStored(events);
  });

  it('records every displaced charge and refund, and nothing else, as a conflict', async () => {
    const displaced = foldBatch(events).conflicts.map(
      ({ kind, messageId, eventId }) => `sms.billing.v1.${kind}|${messageId}|${eventId}`,
    );
    expect(displaced.length).toBeGreaterThan(0);
    const recorded = await lines(
      `SELECT DISTINCT concat_ws('|', subject, message_id, event_id)
         FROM dead_letter WHERE reason = 'conflict'`,
    );
    expect(recorded.sort()).toEqual([...new Set(displaced)].sort());
  });

  it('keeps every coarser tier equal to the sum of the base grain', async () => {
    const tiers: [string, string, string, number[]][] = [
      [
        'outcome_platform',
        'operator_id, outcome, reason',
        'messages, segments, contradicted',
        [15, 60, 1440],
      ],
      [
        'outcome_sum',
        'operator_id',
        'pending, delivered, undeliverable, expired, rejected, deleted, unknown, segments, contradicted',
        [15, 60, 1440],
      ],
      ['money_sum', 'operator_id, currency', 'charges, charged, refunds, refunded', [15, 60, 1440]],
      [
        `(SELECT bucket, grain_minutes, operator_id, bin, count FROM latency_histogram, unnest(bins, messages) AS t (bin, count))`,
        'operator_id, bin',
        'count',
        [15, 60, 1440],
      ],
      ['throughput_platform', 'operator_id', 'accepted, completed', [1, 60, 1440]],
    ];
    for (const [table, key, measures, [base = 0, ...coarser]] of tiers) {
      const sums = measures.split(', ').map((name) => `sum(${name})`);
      for (const grain of coarser) {
        const differing = await lines(
          `SELECT bucket, ${key}, ${sums} FROM ${table} AS r WHERE grain_minutes = ${grain} GROUP BY bucket, ${key}
           EXCEPT
           SELECT date_bin(interval '${grain} min', bucket, timestamptz '2000-01-01Z'), ${key}, ${sums}
           FROM ${table} AS r WHERE grain_minutes = ${base} GROUP BY 1, ${key}`,
        );
        expect(differing, `${table} at ${grain} minutes`).toEqual([]);
      }
    }
    // The platform's base grain is the sum over the accounts.
    const unlike = await lines(
      `SELECT bucket, operator_id, outcome, reason, messages, segments, contradicted
       FROM outcome_platform WHERE grain_minutes = 15
       EXCEPT
       SELECT bucket, operator_id, outcome, reason, sum(messages), sum(segments), sum(contradicted)
       FROM outcome_account GROUP BY 1, 2, 3, 4`,
    );
    expect(unlike).toEqual([]);
  });

  it('keeps the sums that series are answered from equal to what they are sums of', async () => {
    const of = (outcome: string) =>
      `coalesce(sum(messages) FILTER (WHERE outcome = '${outcome}'), 0)`;
    const every = (key: string) =>
      `GROUPING SETS ((grain_minutes, bucket, ${key}), (grain_minutes, bucket, operator_id, ${key}))`;
    const pairs: [name: string, stored: string, computed: string][] = [
      [
        'outcome_sum',
        `SELECT grain_minutes, bucket, operator_id, pending, delivered, undeliverable, expired, rejected, deleted,
                unknown, segments, contradicted
         FROM outcome_sum WHERE pending + delivered + undeliverable + expired + rejected + deleted + unknown > 0`,
        `SELECT grain_minutes, bucket, coalesce(operator_id, ''), ${of('PENDING')}, ${of('DELIVERED')},
                ${of('UNDELIVERABLE')}, ${of('EXPIRED')}, ${of('REJECTED')}, ${of('DELETED')}, ${of('UNKNOWN')},
                sum(segments), sum(contradicted)
         FROM outcome_platform
         GROUP BY GROUPING SETS ((grain_minutes, bucket), (grain_minutes, bucket, operator_id))
         HAVING sum(messages) > 0`,
      ],
      [
        'money_sum',
        `SELECT bucket, operator_id, currency, charges, charged, refunds, refunded FROM money_sum
         WHERE grain_minutes = 15 AND charges + refunds > 0`,
        `SELECT bucket, coalesce(operator_id, ''), currency, sum(charges), sum(charged), sum(refunds), sum(refunded)
         FROM money_account
         GROUP BY GROUPING SETS ((bucket, currency), (bucket, operator_id, currency))
         HAVING sum(charges) + sum(refunds) > 0`,
      ],
      [
        'account_outcome_sum',
        `SELECT grain_minutes, bucket, account_id, pending, delivered, undeliverable, expired, rejected, deleted,
                unknown, segments, contradicted
         FROM account_outcome_sum WHERE pending + delivered + undeliverable + expired + rejected + deleted + unknown > 0`,
        `SELECT grain, ${BUCKET_OF_GRAIN}, account_id, ${of('PENDING')}, ${of('DELIVERED')}, ${of('UNDELIVERABLE')},
                ${of('EXPIRED')}, ${of('REJECTED')}, ${of('DELETED')}, ${of('UNKNOWN')}, sum(segments), sum(contradicted)
         FROM outcome_account, unnest('{60}'::int[]) AS grain GROUP BY 1, 2, 3 HAVING sum(messages) > 0`,
      ],
      [
        'account_money_sum',
        `SELECT grain_minutes, bucket, account_id, currency, charges, charged, refunds, refunded
         FROM account_money_sum WHERE charges + refunds > 0`,
        `SELECT grain, ${BUCKET_OF_GRAIN}, account_id, currency, sum(charges), sum(charged), sum(refunds), sum(refunded)
         FROM money_account, unnest('{60}'::int[]) AS grain
         GROUP BY 1, 2, 3, 4 HAVING sum(charges) + sum(refunds) > 0`,
      ],
      [
        'latency_histogram at the base grain',
        `SELECT grain_minutes, bucket, operator_id, bin, count
         FROM latency_histogram, unnest(bins, messages) AS t (bin, count) WHERE grain_minutes = 15`,
        `SELECT grain_minutes, bucket, coalesce(operator_id, ''), bin, sum(messages) FROM latency_platform
         GROUP BY ${every('bin')} HAVING sum(messages) > 0`,
      ],
      [
        'throughput_sum',
        `SELECT bucket + (i - 1) * interval '1 min', a, c
         FROM throughput_sum, unnest(accepted, completed) WITH ORDINALITY AS t (a, c, i) WHERE a + c > 0`,
        `SELECT bucket, sum(accepted), sum(completed) FROM throughput_platform WHERE grain_minutes = 1
         GROUP BY bucket HAVING sum(accepted) + sum(completed) > 0`,
      ],
      [
        'what follows from the minutes of throughput_sum',
        'SELECT bucket, accepted_sum, completed_sum, accepted_peak, completed_peak FROM throughput_sum',
        `SELECT bucket, sum(a), sum(c), max(a), max(c)
         FROM throughput_sum, unnest(accepted, completed) AS t (a, c) GROUP BY bucket`,
      ],
    ];
    for (const [name, stored, computed] of pairs) {
      expect((await lines(stored)).length, name).toBeGreaterThan(0);
      expect(await lines(`(${stored}) EXCEPT (${computed})`), `${name}, too much`).toEqual([]);
      expect(await lines(`(${computed}) EXCEPT (${stored})`), `${name}, missing`).toEqual([]);
    }
  });
});

const BUCKET_OF_GRAIN = `date_bin(grain * interval '1 min', bucket, timestamptz '2000-01-01Z')`;

async function expectStored(events: readonly AdmittedEvent[]): Promise<void> {
  const folded = foldBatch(events);
  expect(await lines(LEDGER)).toEqual(folded.entries.map(ledgerLine));
  expect(await lines(REFUNDS)).toEqual(
    folded.refunds.map((refund) => {
      const { messageId, eventId, refundedAt, amount, currency, accountId, operatorId } = refund;
      const content = [refundedAt, formatNanos(amount), currency, accountId, operatorId];
      return [formatDay(refund.day), messageId, eventId, ...content].join('|');
    }),
  );
  expect((await lines(CELLS)).sort()).toEqual(cellsOf(folded));
}

// From envelopes to the metric on a real ledger: each charge that loses to another is counted as a
// conflict once, whether the two meet in one batch or in two, and not again when the broker
// delivers it again.

import pg from 'pg';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type CommitOptions,
  type Committed,
  commit,
  prepare,
} from '../../../src/counting/commit.js';
import { createLedgerDays } from '../../../src/counting/guard/ingest-progress.js';
import { applyBatch } from '../../../src/counting/ledger/apply-batch.js';
import { ingestMetrics } from '../../../src/counting/telemetry/metrics.js';
import { DEFAULT_ADMISSION_RULES } from '../../../src/domain/message/admission.js';
import type { Envelope } from '../../../src/nats/envelope.js';
import { createDatabase } from '../../support/engines.js';
import { chargeOf } from '../../support/publications.js';
import { silentLog } from '../../support/silent-log.js';

let pool: pg.Pool;
let streamId: number;
const registry = new Registry();
const metrics = ingestMetrics(registry);

beforeAll(async () => {
  const database = await createDatabase();
  pool = new pg.Pool({ connectionString: database.url('analytics_ingest') });
  await createLedgerDays(pool, 1);
  const { rows } = await pool.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id ?? 0;
});
afterAll(() => pool?.end());

/** An hour ago: the ledger has days around today only. */
const CHARGED_AT = new Date(Date.now() - 3_600_000).toISOString();

/**
 * A charge of message `index`, published under `sequence`; of two of one message the dearer one
 * loses.
 */
function charge(sequence: number, index: number, amount: string): Envelope {
  const content = chargeOf(index, { acceptedAt: CHARGED_AT, chargedAt: CHARGED_AT, amount });
  return {
    subject: 'sms.billing.v1.charged',
    sequence,
    timestamp: Date.parse(CHARGED_AT) * 1_000,
    contentType: 'application/json',
    payload: Buffer.from(JSON.stringify(content)),
    replySubject: 'reply',
    redelivered: false,
    traceparent: undefined,
  };
}

async function committed(envelopes: readonly Envelope[]): Promise<Committed> {
  const context = { generation: 1, streamId, worker: 'one' };
  const options: CommitOptions = {
    apply: (batch) => applyBatch(pool, context, batch),
    announce: () => {},
    rules: DEFAULT_ADMISSION_RULES,
    guard: { ledgerFloor: -Infinity, missingDays: new Set(), lookAtDays: async () => 0 },
    stopping: new AbortController().signal,
    log: silentLog,
  };
  return commit(options, prepare(options, envelopes, streamId));
}

/** Commits a batch; returns what the metric says of conflicts afterwards. */
async function conflictsAfter(...envelopes: Envelope[]): Promise<number> {
  metrics.observeBatch(envelopes, await committed(envelopes), 1);
  const [, count] = /letters_total\{reason="conflict"\} (\d+)/.exec(await registry.metrics()) ?? [];
  return Number(count ?? 0);
}

it('counts a charge that loses within its batch', async () => {
  // Of message 1 one charge loses, of message 2 the two dearer ones: 3.
  const batch = [
    ...[charge(1, 1, '0.01'), charge(2, 1, '0.02')],
    ...[charge(3, 2, '0.03'), charge(4, 2, '0.01'), charge(5, 2, '0.02')],
  ];
  expect(await conflictsAfter(...batch)).toBe(3);
  expect(await conflictsAfter(...batch)).toBe(3);
});

it('counts a charge that loses to one of an earlier batch', async () => {
  expect(await conflictsAfter(charge(6, 3, '0.01'))).toBe(3);
  expect(await conflictsAfter(charge(7, 3, '0.02'))).toBe(4);
  expect(await conflictsAfter(charge(7, 3, '0.02'))).toBe(4);
});

it('counts a charge that an earlier batch counted and a later one displaces', async () => {
  expect(await conflictsAfter(charge(8, 4, '0.02'))).toBe(4);
  expect(await conflictsAfter(charge(9, 4, '0.01'))).toBe(5);
  expect(await conflictsAfter(charge(8, 4, '0.02'), charge(9, 4, '0.01'))).toBe(5);
});

it('counts as many conflicts as there are dead letters of that reason', async () => {
  const { rows } = await pool.query(
    `SELECT sequence::int FROM dead_letter WHERE reason = 'conflict' ORDER BY sequence`,
  );
  expect(rows.map(({ sequence }) => sequence)).toEqual([2, 3, 5, 7, 8]);
  expect(await conflictsAfter()).toBe(rows.length);
});

it('tells what was known before from what is new, and neither from a conflict', async () => {
  const known = charge(10, 5, '0.01');
  expect(await committed([known])).toMatchObject({ duplicateCount: 0, conflictCount: 0 });
  // One was there, one is new, one of a message that was there loses.
  const batch = [known, charge(11, 6, '0.01'), charge(12, 4, '0.05')];
  expect(await committed(batch)).toMatchObject({ duplicateCount: 1, conflictCount: 1 });
  // The loser is found again; only its dead letter is there already.
  expect(await committed(batch)).toMatchObject({ duplicateCount: 2, conflictCount: 0 });
});

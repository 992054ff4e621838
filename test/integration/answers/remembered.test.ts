// What an answer takes from the answers before it: after every change that the ledger statement
// makes, a process that has answered all along says the same as one that has never answered
// anything.
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  applyBatch,
  conflictLetters,
  encodeBatch,
} from '../../../src/counting/ledger/apply-batch.js';
import type { AdmittedEvent } from '../../../src/domain/message/event.js';
import { foldBatch } from '../../../src/domain/message/ledger-fold.js';
import { formatInstant, MICROS_PER_DAY } from '../../../src/domain/time/instant.js';
import {
  GetOperatorPerformanceRequest,
  GetSummaryRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Compare, Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { createDatabase, type TestDatabase } from '../../support/engines.js';
import {
  ACCEPTED_AT,
  anyEvent,
  charged,
  MESSAGE_ID,
  reported,
} from '../../unit/domain/message/ledger-events.js';
import { caller, queriesAt, type TestQueries } from './rollup-rows.js';

const STEPS = 60;
const MESSAGES = 5;
const NOON = Math.floor(ACCEPTED_AT / MICROS_PER_DAY) * MICROS_PER_DAY + MICROS_PER_DAY / 2;
const NOW = formatInstant(NOON + 2 * MICROS_PER_DAY);
const range = {
  start: formatInstant(NOON - 2 * MICROS_PER_DAY),
  end: formatInstant(NOON + 2 * MICROS_PER_DAY),
};

let database: TestDatabase;
let owner: pg.Pool;
let streamId: number;
let seasoned: TestQueries;

beforeAll(async () => {
  database = await createDatabase();
  owner = new pg.Pool({ connectionString: database.superuserUrl, max: 2 });
  const days = [1, formatInstant(NOON - MICROS_PER_DAY), formatInstant(NOON + MICROS_PER_DAY)];
  await owner.query('SELECT create_ledger_days($1, $2::date, $3::date)', days);
  const { rows } = await owner.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id as number;
  seasoned = queriesAt(database, NOW, { cacheEntries: 0, lookIntervalMs: 0 });
});

afterAll(async () => {
  await seasoned?.end();
  await owner?.end();
});

async function apply(events: readonly AdmittedEvent[]): Promise<void> {
  const folded = foldBatch(events);
  const highestSequence = Math.max(...events.map((event) => event.source.sequence));
  const batch = { folded, deadLetters: conflictLetters(folded), highestSequence };
  await applyBatch(owner, { generation: 1, streamId, worker: 'one' }, encodeBatch(batch));
}

async function answersOf(queries: TestQueries) {
  const asked = { range, granularity: Granularity.GRANULARITY_HOUR };
  const compare = Compare.COMPARE_PREVIOUS_PERIOD;
  return Promise.all([
    queries.getSummary(GetSummaryRequest.fromPartial({ ...asked, compare }), caller()),
    queries.getOperatorPerformance(GetOperatorPerformanceRequest.fromPartial(asked), caller()),
  ]);
}

it('does not hold an account that its only message has left', async () => {
  const summary = GetSummaryRequest.fromPartial({ range });
  const active = async () => (await seasoned.getSummary(summary, caller())).activeAccounts;
  await apply([reported({ accountId: 'zeta' })]);
  // Twice: a day is remembered when it was the same two times.
  for (let times = 0; times < 3; times++) expect(await active()).toBe(1n);
  await apply([charged({ accountId: 'acme' })]);
  expect(await active()).toBe(1n);
  const messageId = MESSAGE_ID.replace(/.$/, '9');
  await apply([charged({ accountId: 'acme', messageId, eventId: 'c-9' })]);
  for (let times = 0; times < 3; times++) expect(await active()).toBe(1n);
  // An earlier charge of another account: for the platform nothing changes but the version.
  await apply([charged({ accountId: 'beta', eventId: 'c-0', chargedAt: ACCEPTED_AT - 1 })]);
  expect(await active()).toBe(2n);
});

it('is what has not changed, whatever is counted meanwhile', { timeout: 120_000 }, async () => {
  const events = fc
    .sample(anyEvent, { numRuns: STEPS * 2, seed: 20261122 })
    .map((event, i) => ({ ...event, messageId: MESSAGE_ID.slice(0, -1) + (i % MESSAGES) }));
  let accepted = 0n;
  for (let step = 0; step < STEPS; step++) {
    await apply(events.slice(step * 2, step * 2 + 2));
    for (let times = 0; times < 2; times++) await answersOf(seasoned);
    const unseasoned = queriesAt(database, NOW, { cacheEntries: 0, lookIntervalMs: 0 });
    const fresh = await answersOf(unseasoned).finally(() => unseasoned.end());
    expect(await answersOf(seasoned)).toEqual(fresh);
    accepted = fresh[0].counts?.accepted ?? 0n;
  }
  expect(accepted).toBeGreaterThan(0n);
});

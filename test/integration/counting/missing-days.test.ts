// Which days of the ledger are missing, what is made anew and what not, and that the statement
// which counts takes nothing into a day that was emptied behind ingest's back.
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  earliestMissingDayLetter,
  readMissingDays,
} from '../../../src/counting/days/missing-days.js';
import { createLedgerDays } from '../../../src/counting/guard/ingest-progress.js';
import { applyBatch, encodeBatch } from '../../../src/counting/ledger/apply-batch.js';
import { foldBatch } from '../../../src/domain/message/ledger-fold.js';
import { dayOf, formatDay, MICROS_PER_DAY } from '../../../src/domain/time/instant.js';
import { lacksPartition } from '../../../src/postgres/write-failure.js';
import { createDatabase } from '../../support/engines.js';
import { charged, refunded } from '../../unit/domain/message/ledger-events.js';

const TODAY = dayOf(Date.now() * 1_000);
let owner: pg.Pool;
let ingest: pg.Pool;
let streamId: number;

beforeAll(async () => {
  const database = await createDatabase();
  owner = new pg.Pool({ connectionString: database.superuserUrl });
  ingest = new pg.Pool({ connectionString: database.url('analytics_ingest'), max: 1 });
  await createLedgerDays(ingest, 1);
  const { rows } = await owner.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id ?? 0;
});
afterAll(async () => {
  await ingest.end();
  await owner.end();
});

const nameOf = (parent: string, day: number) =>
  `${parent}_g1_${formatDay(day).replaceAll('-', '')}`;
const boundsOf = (day: number) =>
  `FOR VALUES FROM ('${formatDay(day)}') TO ('${formatDay(day + 1)}')`;

/** Counts a charge and a refund of one message at noon of the day. */
async function count(day: number): Promise<void> {
  const at = day * MICROS_PER_DAY + MICROS_PER_DAY / 2;
  const folded = foldBatch([
    charged({ acceptedAt: at, chargedAt: at }),
    refunded({ acceptedAt: at, refundedAt: at }),
  ]);
  const context = { generation: 1, streamId, worker: 'one' };
  await applyBatch(ingest, context, encodeBatch({ folded, deadLetters: [], highestSequence: 1 }));
}
async function messagesOn(day: number): Promise<number> {
  const { rows } = await owner.query<{ messages: number }>(
    `SELECT coalesce(sum(messages), 0)::int AS messages FROM outcome_platform
     WHERE grain_minutes = 1440 AND bucket = $1::date::timestamp AT TIME ZONE 'UTC'`,
    [formatDay(day)],
  );
  return rows[0]?.messages ?? -1;
}
const missing = () => readMissingDays(ingest, 1);

it('new and empty days are not missing', async () => {
  expect(await missing()).toEqual([]);
});

it('a day that was emptied takes no event, by the very statement that would count it', async () => {
  const day = TODAY - 10;
  await count(day);
  expect(await missing()).toEqual([]);
  await owner.query(`TRUNCATE ${nameOf('ledger', day)}`);
  const error: unknown = await count(day).catch((thrown: unknown) => thrown);
  expect(lacksPartition(error)).toBe(true);
  expect((error as Error).message).toContain(formatDay(day));
  expect(await messagesOn(day)).toBe(1);
  expect(await missing()).toEqual([day]);
  await owner.query('UPDATE generation SET ledger_floor = $1', [formatDay(day + 1)]);
  // Below the floor it was forgotten on purpose.
  expect(await missing()).toEqual([]);
});

it('a day with counts is not made anew, whichever of its partitions is gone', async () => {
  const days = [TODAY - 8, TODAY - 7];
  for (const day of days) await count(day);
  await owner.query(`DROP TABLE ${nameOf('ledger', TODAY - 8)}`);
  await owner.query(`DROP TABLE ${nameOf('refund', TODAY - 7)}`);
  expect(await createLedgerDays(ingest, 1)).toBe(0);
  expect(await missing()).toEqual(days);
});

it('a day without counts is made again', async () => {
  await owner.query(`DROP TABLE ${nameOf('ledger', TODAY - 6)}`);
  expect(await createLedgerDays(ingest, 1)).toBe(1);
  await count(TODAY - 6);
  expect(await messagesOn(TODAY - 6)).toBe(1);
});

it('a partition is its day’s under any name, and a detached one keeps its day from being made', async () => {
  const [renamed, detached] = [TODAY - 5, TODAY - 4];
  await count(renamed);
  await owner.query(`ALTER TABLE ${nameOf('ledger', renamed)} RENAME TO archived`);
  await owner.query(`ALTER TABLE ledger_g1 DETACH PARTITION ${nameOf('ledger', detached)}`);
  expect(await createLedgerDays(ingest, 1)).toBe(0);
  expect(await missing()).toEqual([TODAY - 8, TODAY - 7, detached]);
  await owner.query(
    `ALTER TABLE ledger_g1 ATTACH PARTITION ${nameOf('ledger', detached)} ${boundsOf(detached)}`,
  );
  expect(await missing()).toEqual([TODAY - 8, TODAY - 7]);
});

it('the earliest open letter of a missing day is told, and no other', async () => {
  expect(await earliestMissingDayLetter(ingest)).toBeUndefined();
  await owner.query(
    `INSERT INTO dead_letter (stream_id, sequence, published_at, subject, reason, payload_digest, resolution)
     VALUES ($1, 1, to_timestamp(1), 's', 'day_missing', 0, 'replayed'), ($1, 2, to_timestamp(2), 's', 'too_old', 0, NULL),
            ($1, 3, to_timestamp(4.5), 's', 'day_missing', 0, NULL), ($1, 4, to_timestamp(3), 's', 'day_missing', 0, NULL)`,
    [streamId],
  );
  expect(await earliestMissingDayLetter(ingest)).toBe(3_000_000);
});

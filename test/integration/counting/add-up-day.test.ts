// Days that are added up: they say what the quarters of an hour say, or they are not read.
import pg from 'pg';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { addUpDay, daysToAddUp } from '../../../src/counting/days/add-up-day.js';
import { addUpDays } from '../../../src/counting/days/add-up-days.js';
import { applyBatch, encodeBatch } from '../../../src/counting/ledger/apply-batch.js';
import type { AdmittedEvent } from '../../../src/domain/message/event.js';
import { foldBatch } from '../../../src/domain/message/ledger-fold.js';
import { dayOf, formatInstant, MICROS_PER_DAY } from '../../../src/domain/time/instant.js';
import {
  Dimension,
  GetAccountUsageRequest,
  GetDeliveryBreakdownRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { systemClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import { CELL_TEXT_FORMAT } from '../../../src/rollups/cell-text.js';
import { createDatabase, type TestDatabase } from '../../support/engines.js';
import { charged, MESSAGE_ID } from '../../unit/domain/message/ledger-events.js';
import { caller, queriesAt } from '../answers/rollup-rows.js';

const DAY = dayOf(systemClock.now()) - 2;
const NOON = DAY * MICROS_PER_DAY + MICROS_PER_DAY / 2;
/** As the ingest role, whose rights must be enough. */
let pool: pg.Pool;
let owner: pg.Pool;
let database: TestDatabase;
let streamId: number;
let messages = 0;
const open: { end(): Promise<void> }[] = [];

beforeEach(async () => {
  database = await createDatabase();
  owner = new pg.Pool({ connectionString: database.superuserUrl, max: 4 });
  const connectionString = database.url('analytics_ingest');
  pool = new pg.Pool({ connectionString, max: 4, lock_timeout: 10_000 });
  open.push(owner, pool);
  const day = formatInstant(NOON);
  await owner.query('SELECT create_ledger_days(1::smallint, $1::date - 2, $1::date + 2)', [day]);
  const { rows } = await owner.query<{ stream_id: number }>(
    `INSERT INTO event_stream (name, created_at) VALUES ('SMS_EVENTS', now()) RETURNING stream_id`,
  );
  streamId = rows[0]?.stream_id as number;
  await count(message('acme'), message('acme'), message('beta'));
});
afterAll(() => Promise.all(open.map((one) => one.end())));

function message(accountId: string, acceptedAt = NOON): AdmittedEvent {
  messages += 1;
  const messageId = MESSAGE_ID.slice(0, -4) + String(messages).padStart(4, '0');
  const eventId = `c-${messages}`;
  return charged({ messageId, eventId, accountId, acceptedAt, chargedAt: acceptedAt });
}

async function count(...events: AdmittedEvent[]): Promise<void> {
  const encoded = encodeBatch({ folded: foldBatch(events), deadLetters: [], highestSequence: 1 });
  await applyBatch(pool, { generation: 1, streamId, worker: 'one' }, encoded);
}

/** Messages by account and operator over ten days, as a caller is told them. */
async function told(): Promise<string[]> {
  const now = formatInstant(systemClock.now());
  const queries = queriesAt(database, now, { cacheEntries: 0, lookIntervalMs: 0 });
  const at = (days: number) => formatInstant((DAY + days) * MICROS_PER_DAY);
  const { rows } = await queries
    .getDeliveryBreakdown(
      GetDeliveryBreakdownRequest.fromPartial({
        range: { start: at(-8), end: at(2) },
        groupBy: [Dimension.DIMENSION_ACCOUNT, Dimension.DIMENSION_OPERATOR],
      }),
      caller(),
    )
    .finally(() => queries.end());
  return rows.map((row) => `${row.accountId} ${row.messages}`);
}

/**
 * By hour, what one account has on the day and the ones beside it, as it is told: `hour messages
 * charges refunds`.
 */
async function usageOf(accountId: string): Promise<string[]> {
  const queries = queriesAt(database, formatInstant(systemClock.now()), { cacheEntries: 0 });
  const at = (days: number) => formatInstant((DAY + days) * MICROS_PER_DAY);
  const request = GetAccountUsageRequest.fromPartial({
    ...{ accountId, range: { start: at(-0.25), end: at(1.25) } },
    granularity: Granularity.GRANULARITY_HOUR,
  });
  const { series } = await queries
    .getAccountUsage(request, caller(accountId))
    .finally(() => queries.end());
  const hours = series.map(({ bucket, counts, money: [sums] }) => {
    const hour = (Number(bucket?.start?.seconds) / 3600) % 24;
    return `${hour} ${counts?.accepted} ${sums?.charges ?? 0} ${sums?.refunds ?? 0}`;
  });
  return hours.filter((hour) => !hour.endsWith(' 0 0 0'));
}

/** Resolves once a day that is being added up waits for somebody else. */
const waitsForLock = () =>
  vi.waitFor(async () => {
    const { rows } = await owner.query(
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%outcome_account_day%'`,
    );
    expect(rows).toHaveLength(1);
  });

const dueDays = async () => (await daysToAddUp(pool, 1)).map(({ day }) => day - DAY);

describe('a day', () => {
  it('is due once it is over, and again after each change', async () => {
    await count(message('acme', NOON + 2 * MICROS_PER_DAY));
    expect(await dueDays()).toEqual([1, 0]);
    expect(await addUpDay(pool, 1, DAY)).toBe(true);
    expect(await addUpDay(pool, 1, DAY)).toBe(false);
    expect(await dueDays()).toEqual([1]);
    await count(message('beta'));
    expect(await dueDays()).toEqual([1, 0]);
  });

  it('without events is added up once, and due when the first one comes', async () => {
    expect(await addUpDay(pool, 1, DAY + 1)).toBe(true);
    expect(await dueDays()).toEqual([0]);
    await count(message('acme', NOON + MICROS_PER_DAY));
    expect(await dueDays()).toEqual([1, 0]);
    expect(await told()).toEqual(['acme 3', 'beta 1']);
  });

  it('is read where it is added up, and where it has changed since, is not', async () => {
    await addUpDay(pool, 1, DAY);
    expect(await told()).toEqual(['acme 2', 'beta 1']);
    // What stands there is what is told: it is read.
    await owner.query(`UPDATE outcome_account_day SET messages = 70 WHERE account_id = 'acme'`);
    expect(await told()).toEqual(['acme 70', 'beta 1']);
    await count(message('beta'), message('beta'));
    expect(await told()).toEqual(['beta 3', 'acme 2']);
    await addUpDay(pool, 1, DAY);
    expect(await told()).toEqual(['beta 3', 'acme 2']);
  });

  it('is read hour by hour of an account, where it is added up and has not changed since', async () => {
    await count(message('acme', NOON + MICROS_PER_DAY / 4), message('acme', NOON + MICROS_PER_DAY));
    expect(await usageOf('acme')).toEqual(['12 2 2 0', '18 1 1 0']);
    await addUpDay(pool, 1, DAY);
    expect(await usageOf('acme')).toEqual(['12 2 2 0', '18 1 1 0']);
    const change = `UPDATE account_usage_day SET counts = replace(counts, ' 0 0 2', ' 0 0 70') WHERE account_id = 'acme'`;
    await owner.query(change);
    expect(await usageOf('acme')).toEqual(['12 70 2 0', '18 1 1 0']);
    await count(message('acme'));
    expect(await usageOf('acme')).toEqual(['12 3 3 0', '18 1 1 0']);
    expect(await usageOf('beta')).toEqual(['12 1 1 0']);
    await addUpDay(pool, 1, DAY);
    expect(await usageOf('acme')).toEqual(['12 3 3 0', '18 1 1 0']);
  });

  it('in another format is not read, and is written anew', async () => {
    for (const day of [DAY, DAY + 1]) await addUpDay(pool, 1, day);
    const rows = async () => {
      const sql = 'SELECT account_id, format, counts FROM account_usage_day ORDER BY account_id';
      return (await owner.query(sql)).rows;
    };
    const before = await rows();
    expect(before).toMatchObject([{ format: 1 }, { format: 1 }]);
    expect(await dueDays()).toEqual([]);
    // As a program with another order of numbers writes it; read in this one's, it tells lies.
    const change = `UPDATE account_usage_day SET format = $1, counts = replace(counts, ' 0 0 2', ' 70 0')
                     WHERE account_id = 'acme'`;
    for (const format of [CELL_TEXT_FORMAT + 1, CELL_TEXT_FORMAT - 1]) {
      await owner.query(change, [format]);
      expect(await usageOf('acme')).toEqual(['12 2 2 0']);
      expect(await dueDays()).toEqual([0]);
      expect(await addUpDay(pool, 1, DAY)).toBe(true);
      expect(await rows()).toEqual(before);
      expect(await dueDays()).toEqual([]);
    }
    await owner.query(change, [CELL_TEXT_FORMAT]);
    expect(await usageOf('acme')).not.toEqual(['12 2 2 0']);
  });

  it('is kept in these bytes, in the format that the index of other formats leaves out', async () => {
    await count(message('seldom'));
    // Each number another one; `beta` has only the first ones, `seldom` those up to the middle.
    await owner.query(`
      UPDATE account_outcome_sum
         SET delivered = 1, segments = 2, pending = 0,
             undeliverable = CASE WHEN account_id IN ('acme', 'seldom') THEN 3 ELSE 0 END`);
    await owner.query(`
      UPDATE account_outcome_sum
         SET expired = 4, rejected = 5, deleted = 6, unknown = 7, contradicted = 8, pending = 9
       WHERE account_id = 'acme'`);
    await owner.query(`UPDATE account_money_sum SET charges = 1, charged = 2.000000003`);
    await owner.query(
      `UPDATE account_money_sum SET refunds = 4, refunded = 5.000000006 WHERE account_id = 'acme'`,
    );
    await addUpDay(pool, 1, DAY);
    const { rows } = await owner.query(
      `SELECT concat_ws('|', account_id, format, counts, codes, money) AS row FROM account_usage_day ORDER BY account_id`,
    );
    const minute = DAY * 1_440 + 720;
    expect(rows.map(({ row }) => row)).toEqual([
      `acme|1|${minute} 1 2 3 4 5 6 7 8 9|EUR|${minute} 1 2.000000003 4 5.000000006`,
      `beta|1|${minute} 1 2|EUR|${minute} 1 2.000000003`,
      `seldom|1|${minute} 1 2 3 0|EUR|${minute} 1 2.000000003`,
    ]);
    const index = await owner.query(
      `SELECT indexdef FROM pg_indexes WHERE indexname = 'account_usage_day_other_format'`,
    );
    expect(index.rows[0]?.indexdef).toContain(`format <> ${CELL_TEXT_FORMAT})`);
  });

  it('has the money of an account that had no message on it', async () => {
    const later = { ...message('late', NOON - MICROS_PER_DAY), chargedAt: NOON };
    await count(later);
    expect(await usageOf('late')).toEqual(['12 0 1 0']);
    await addUpDay(pool, 1, DAY);
    expect(await usageOf('late')).toEqual(['12 0 1 0']);
  });

  it('does not keep those waiting who count, but for its last moment', async () => {
    const holding = await owner.connect();
    await holding.query('BEGIN');
    const day = formatInstant(DAY * MICROS_PER_DAY);
    await holding.query(
      `INSERT INTO outcome_account_day (generation, bucket, account_id, operator_id, outcome, reason, messages, segments)
       SELECT DISTINCT 1, $1::timestamptz, account_id, operator_id, outcome, reason, 0, 0 FROM outcome_account`,
      [day],
    );
    const adding = addUpDay(pool, 1, DAY);
    await waitsForLock();
    await count(message('acme')).finally(async () => {
      await holding.query('ROLLBACK');
      holding.release();
    });
    expect(await adding).toBe(true);
    expect(await told()).toEqual(['acme 3', 'beta 1']);
    expect(await dueDays()).toContain(0);
  });

  it('forgets an account that its messages have left', async () => {
    const first = charged({ messageId: MESSAGE_ID, eventId: 'c-b', accountId: 'gone' });
    const at = { acceptedAt: NOON, chargedAt: NOON };
    await count({ ...first, ...at });
    await addUpDay(pool, 1, DAY);
    expect(await told()).toContain('gone 1');
    // An earlier charge of another account displaces it.
    await count({ ...first, ...at, eventId: 'c-a', accountId: 'here', chargedAt: NOON - 1 });
    await addUpDay(pool, 1, DAY);
    expect(await told()).toEqual(['acme 2', 'beta 1', 'here 1']);
  });

  it('that changes while it is added up is not taken for what it was before', async () => {
    const changing = await pool.connect();
    await changing.query('BEGIN');
    const encoded = encodeBatch({
      ...{ folded: foldBatch([message('beta'), message('beta')]), deadLetters: [] },
      highestSequence: 1,
    });
    await applyBatch(changing, { generation: 1, streamId, worker: 'one' }, encoded);
    // It has seen the day without the two, and waits for the row of the day's version.
    const adding = addUpDay(pool, 1, DAY);
    await waitsForLock();
    await changing.query('COMMIT');
    changing.release();
    expect(await adding).toBe(true);
    expect(await told()).toEqual(['beta 3', 'acme 2']);
    expect(await dueDays()).toContain(0);
  });

  it('is added up by one process at a time', async () => {
    const holding = await owner.connect();
    await holding.query('BEGIN');
    await holding.query('SELECT pg_advisory_xact_lock(1, $1)', [DAY]);
    expect(await addUpDay(pool, 1, DAY)).toBe(false);
    await holding.query('COMMIT');
    holding.release();
    expect(await addUpDay(pool, 1, DAY)).toBe(true);
  });
});

describe('beside counting', () => {
  it('days are added up that have not changed for a round, failures notwithstanding', async () => {
    const stopping = new AbortController();
    const rounds: number[] = [];
    const query = pool.query.bind(pool);
    const added: unknown[] = [];
    let asked = 0;
    vi.spyOn(pool, 'query').mockImplementation((async ({ name, ...asking }: pg.QueryConfig) => {
      const day = name === 'add-up-outcomes' ? asking.values?.[2] : undefined;
      // The first round fails, and the newest day as long as no other one has been added up.
      if (asked++ === 0 || (day === DAY + 1 && added.length === 0)) throw new Error('away');
      const result = await query({ name, ...asking } as pg.QueryConfig);
      if (day !== undefined) added.push(day);
      return result;
    }) as unknown as typeof pool.query);
    const running = addUpDays({
      pool,
      generation: 1,
      stopping: stopping.signal,
      log: createLog({ service: 'ingest', level: 'fatal' }),
      monotonicMs: systemClock.monotonicMs,
      intervalMs: 20,
      observe: (dueCount) => rounds.push(dueCount),
    });
    await vi.waitFor(() => expect(rounds.at(-1)).toBe(0), { timeout: 20_000 });
    stopping.abort();
    await running;
    expect(added).toEqual([DAY, DAY + 1]);
    // The first round only sees what is due.
    expect(rounds.slice(0, 3)).toEqual([2, 2, 1]);
    expect(await dueDays()).toEqual([]);
    expect(await told()).toEqual(['acme 2', 'beta 1']);
  });
});

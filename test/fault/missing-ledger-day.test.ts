// A day of the ledger is gone while its rollups count messages. An empty one in its place would
// count every copy again: so its events are refused, loudly, until the day is back. All other days
// are counted meanwhile.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ops, opsJson, runOps } from '../integration/operating/run-ops.js';
import { chargeOf, publicationOf } from '../support/publications.js';
import { createSite, type TestSite } from '../support/site.js';
import { type Counter, startCounter, until } from './guarded-ingest.js';

let site: TestSite;
let counter: Counter;

beforeAll(async () => {
  site = await createSite();
  counter = await startCounter(site);
});
afterAll(() => site?.close());

const REPLAY = ['dead-letters', 'replay', '--all', '--reason', 'day_missing', '--yes'];
const DAY_MS = 86_400_000;

async function count(text: string, ...values: unknown[]): Promise<number> {
  const { rows } = await site.database.query<{ count: number }>(text, values);
  return Number(rows[0]?.count ?? 0);
}
const inLedger = (day: string) =>
  count('SELECT count(*) AS count FROM ledger WHERE accepted_day = $1', day);
const inRollups = (day: string) =>
  count(
    `SELECT sum(messages) AS count FROM outcome_account
     WHERE bucket >= $1::date::timestamp AT TIME ZONE 'UTC' AND bucket < ($1::date + 1)::timestamp AT TIME ZONE 'UTC'`,
    day,
  );
const openLetters = () =>
  count(
    `SELECT count(*) AS count FROM dead_letter WHERE reason = 'day_missing' AND resolution IS NULL`,
  );

/** Noon, so many days ago. */
function noonOf(daysAgo: number): string {
  return `${new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10)}T12:00:00.000Z`;
}
const publishCharges = (numbers: readonly number[], acceptedAt: string) =>
  site.publish(
    numbers.map((n) =>
      publicationOf('sms.billing.v1.charged', chargeOf(n, { acceptedAt, chargedAt: acceptedAt })),
    ),
  );

interface Way {
  readonly how: string;
  readonly daysAgo: number;
  readonly gone: (partition: string) => string;
  readonly back: (partition: string, bounds: string) => string;
}

const attach = (p: string, bounds: string) =>
  `ALTER TABLE ledger_g1 ATTACH PARTITION ${p} ${bounds}`;
const keep = (p: string) => `CREATE TABLE kept_${p} AS TABLE ${p}`;
const WAYS: readonly Way[] = [
  {
    how: 'detached',
    daysAgo: 3,
    gone: (p) => `ALTER TABLE ledger_g1 DETACH PARTITION ${p}`,
    back: attach,
  },
  {
    how: 'detached and renamed',
    daysAgo: 4,
    gone: (p) => `ALTER TABLE ledger_g1 DETACH PARTITION ${p}; ALTER TABLE ${p} RENAME TO archived`,
    back: (p, bounds) => `ALTER TABLE archived RENAME TO ${p}; ${attach(p, bounds)}`,
  },
  {
    how: 'dropped',
    daysAgo: 5,
    gone: (p) => `${keep(p)}; DROP TABLE ${p}`,
    back: (p, bounds) =>
      `CREATE TABLE ${p} PARTITION OF ledger_g1 ${bounds}; INSERT INTO ${p} TABLE kept_${p}`,
  },
  {
    how: 'truncated',
    daysAgo: 6,
    gone: (p) => `${keep(p)}; TRUNCATE ${p}`,
    back: (p) => `INSERT INTO ${p} TABLE kept_${p}`,
  },
];

describe.each(WAYS)('a day that is $how', ({ daysAgo, gone, back }) => {
  const noon = noonOf(daysAgo);
  const day = noon.slice(0, 10);
  const partition = `ledger_g1_${day.replaceAll('-', '')}`;
  const first = daysAgo * 100;

  test('refuses its events, keeps no other day waiting, and is told', async () => {
    counter.forget();
    await publishCharges([first, first + 1], noon);
    await until('two are counted', async () => (await inLedger(day)) === 2);
    await site.database.query(gone(partition));
    const otherNoon = noonOf(1);
    const others = await inLedger(otherNoon.slice(0, 10));
    // Two copies of what is counted, one new event, and one of another day.
    await publishCharges([first, first + 1, first + 2], noon);
    await publishCharges([first + 3], otherNoon);
    await until(
      'the other day goes on',
      async () => (await inLedger(otherNoon.slice(0, 10))) === others + 1,
    );
    await until('three are refused', async () => (await openLetters()) === 3);
    expect(await inRollups(day)).toBe(2);
    await until('the log names the day', () =>
      new RegExp(`Ledger days are missing.*--reason day_missing.*${day}`).test(counter.log()),
    );
    await until('/readyz fails', async () => (await counter.readyStatus()) === 503);
    expect(await counter.metric(`sms_analytics_missing_ledger_day\\{\\S*day="${day}"`)).toBe(1);
    const { ledgerDays } = await opsJson(site, 'status');
    expect(ledgerDays).toMatchObject([{ missingDays: [day], goneDays: [day] }]);
    expect(await ops(site, 'status')).toContain(
      `attach ${day}, then: ops dead-letters replay --all --reason day_missing`,
    );
  });

  test('holds data_as_of, and is not made by a replay', async () => {
    const replayed = await runOps(site, REPLAY);
    expect(replayed).toMatchObject({ code: 1 });
    expect(replayed.err).toContain(`ledger day ${day}; attach its partition first`);
    expect(await openLetters()).toBe(3);
    expect(await inRollups(day)).toBe(2);
    const { rows } = await site.database.query(
      `SELECT max(data_as_of) <= (SELECT min(published_at) FROM dead_letter WHERE resolution IS NULL) AS holds
       FROM ingest_progress`,
    );
    expect(rows).toEqual([{ holds: true }]);
  });

  test('counts new events by itself once it is back, and the refused ones by the replay', async () => {
    const next = new Date(Date.parse(noon) + DAY_MS).toISOString().slice(0, 10);
    await site.database.query(back(partition, `FOR VALUES FROM ('${day}') TO ('${next}')`));
    await publishCharges([first + 4], noon);
    await until('it is counted by itself', async () => (await inLedger(day)) === 3);
    expect(await openLetters()).toBe(3);
    await ops(site, ...REPLAY);
    expect(await openLetters()).toBe(0);
    expect(await inLedger(day)).toBe(4);
    expect(await inRollups(day)).toBe(4);
    await until('/readyz succeeds', async () => (await counter.readyStatus()) === 200);
    const { rows } = await site.database.query<{ at: string }>('SELECT now()::text AS at');
    await until('data_as_of moves on', async () => {
      const moved = await count(
        'SELECT count(*) AS count FROM ingest_progress WHERE data_as_of > $1',
        rows[0]?.at,
      );
      return moved > 0;
    });
  });
});

test('a day without counts that is gone is made at once, and its events are counted', async () => {
  const noon = noonOf(8);
  const day = noon.slice(0, 10);
  counter.forget();
  await site.database.query(`DROP TABLE ledger_g1_${day.replaceAll('-', '')}`);
  await publishCharges([801, 802], noon);
  await until('both are counted', async () => (await inLedger(day)) === 2);
  expect(counter.log()).toContain('a ledger day is missing, trying again');
  expect(await openLetters()).toBe(0);
  expect(await inRollups(day)).toBe(2);
});

// The other half of attacks 26 and 27: what is odd but right is counted, in the right bucket and to
// the last digit.
//
// Money goes through NATS and the ingest process. Leap days and changes of the clock lie where the
// calendar put them, and no broker stores an event under another time than now; so those events
// take the ingest process's own steps (judge, fold, apply under its login) with the stream
// timestamps that they would have had. Both are answered by the api process.

import { connect } from 'nats';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { roleUrl } from '../../../deploy/local/engines/database.js';
import { countable, decide } from '../../../src/counting/count.js';
import { applyBatch, encodeBatch } from '../../../src/counting/ledger/apply-batch.js';
import { DEFAULT_ADMISSION_RULES } from '../../../src/domain/message/admission.js';
import { parseInstant } from '../../../src/domain/time/instant.js';
import {
  GetAccountUsageRequest,
  GetSummaryRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { type Analytics, analyticsClient } from '../../support/analytics-client.js';
import { chargeOf } from '../../support/publications.js';
import { createSite, type TestSite } from '../../support/site.js';

/** 0.1 and 0.2, so many times each. */
const PAIRS = 10_000;
const LOT = 2_000;
const dayOf = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

let site: TestSite;
let admin: Analytics;

beforeAll(async () => {
  site = await createSite();
  const ingest = await site.start('ingest');
  await publishMoney();
  await site.drained();
  await ingest.stop();
  for (const { storedAt, accepted } of DAYS) await countOn(storedAt, accepted);
  // Days of years ago are asked for, which the defaults no longer keep.
  await site.start('api', { ROLLUP_DAYS: '4000', MINUTE_DAYS: '4000' });
  admin = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
});
afterAll(async () => {
  admin?.close();
  await site?.close();
});

/**
 * 20,000 small amounts of one account, two of the largest, and two other currencies at equal
 * amounts.
 */
async function publishMoney(): Promise<void> {
  const largest = '999999999999999999.999999999';
  const others = [
    ...[largest, largest].map((amount) => ({ accountId: 'rich', amount, currency: 'JPY' })),
    ...['EUR', 'USD', 'USD', 'CHF'].map((currency) => ({ accountId: 'mixed', currency })),
  ];
  const small = Array.from({ length: 2 * PAIRS }, (_, index) => ({
    accountId: 'penny',
    amount: index % 2 === 0 ? '0.1' : '0.2',
  }));
  const { host, password } = new URL(site.nats.url('billing'));
  const connection = await connect({ servers: host, user: 'billing', pass: password });
  for (const [index, changes] of [...others, ...small].entries()) {
    const payload = JSON.stringify(chargeOf(index, changes));
    connection.publish('sms.billing.v1.charged', payload);
    if (index % LOT === 0) await connection.flush();
  }
  await connection.drain();
}

async function moneyOf(accountId: string): Promise<string[]> {
  const range = { start: dayOf(-2), end: dayOf(1) };
  const usage = await admin.getAccountUsage(
    GetAccountUsageRequest.fromPartial({ accountId, range }),
  );
  return usage.money.map(({ currency, charges, charged }) => `${charges} ${currency} ${charged}`);
}

describe('money', () => {
  test('of 0.1 and 0.2, 10,000 times each, is exact where floating point is not', async () => {
    let float = 0;
    for (let pair = 0; pair < PAIRS; pair++) float += 0.1 + 0.2;
    expect(float).not.toBe(3_000);
    // 10,000 * 0.1 + 10,000 * 0.2 = 1,000 + 2,000.
    expect(await moneyOf('penny')).toEqual(['20000 EUR 3000']);
  });

  test('of the largest amount that there is, twice, is exact', async () => {
    expect(await moneyOf('rich')).toEqual(['2 JPY 1999999999999999999.999999998']);
  });

  test('in several currencies is one total of each, never one of all', async () => {
    expect(await moneyOf('mixed')).toEqual(['1 CHF 0.05', '1 EUR 0.05', '2 USD 0.1']);
  });
});

/** When the stream stored a day's events, and when the messages were accepted. */
const DAYS: readonly { storedAt: string; accepted: readonly string[] }[] = [
  {
    storedAt: '2024-03-01T00:05:00Z',
    accepted: [
      '2024-02-28T23:59:59.999999Z',
      '2024-02-29T00:00:00Z',
      '2024-02-29T23:59:59.999999Z',
      '2024-03-01T00:00:00Z',
    ],
  },
  {
    // Zurich: at 01:00Z the clocks go from 02:00 to 03:00.
    storedAt: '2024-03-31T22:30:00Z',
    accepted: [
      '2024-03-31T01:59:59+01:00', // 00:59:59Z, the last second of winter time
      '2024-03-31T03:00:00+02:00', // 01:00:00Z, the first of summer time
      '2024-03-31T23:59:59+02:00', // 21:59:59Z, the last of a day of 23 hours
      '2024-04-01T00:00:00+02:00', // 22:00:00Z
    ],
  },
  {
    // Zurich: at 01:00Z the clocks go from 03:00 back to 02:00, and 02:30 comes twice.
    storedAt: '2024-10-28T00:00:00Z',
    accepted: [
      '2024-10-26T23:59:59+02:00', // 21:59:59Z
      '2024-10-27T02:30:00+02:00', // 00:30Z, the first 02:30
      '2024-10-27T02:30:00+01:00', // 01:30Z, the second
      '2024-10-27T23:59:59+01:00', // 22:59:59Z, the last of a day of 25 hours
      '2024-10-28T00:00:00+01:00', // 23:00:00Z
    ],
  },
];

let sequence = 1_000_000;

/** What the ingest process does with one fetch, for events that the stream stored at that time. */
async function countOn(storedAt: string, accepted: readonly string[]): Promise<void> {
  const timestamp = parseInstant(storedAt) as number;
  const envelopes = accepted.map((acceptedAt) => {
    sequence += 1;
    const content = chargeOf(sequence, { acceptedAt, chargedAt: acceptedAt });
    return {
      ...{ subject: 'sms.billing.v1.charged', contentType: undefined, traceparent: undefined },
      ...{ payload: Buffer.from(JSON.stringify(content)), sequence, timestamp },
      ...{ replySubject: '', redelivered: false },
    };
  });
  const decided = decide(envelopes, DEFAULT_ADMISSION_RULES, 0);
  expect(decided.deadLetters).toEqual([]);
  const { rows } = await site.database.query<{ generation: number; stream_id: number }>(
    'SELECT generation, stream_id FROM ingest_progress',
  );
  const { generation = 0, stream_id: streamId = 0 } = rows[0] ?? {};
  const days = [storedAt.slice(0, 10), ...accepted.map((text) => text.slice(0, 10))].sort();
  await site.database.query('SELECT create_ledger_days($1, $2, $3)', [
    generation,
    days[0],
    days.at(-1),
  ]);
  const { databaseUrl, credentials } = site.site;
  const pool = new pg.Pool({
    connectionString: roleUrl(databaseUrl, 'analytics_ingest', credentials),
  });
  try {
    const batch = encodeBatch(countable(decided));
    await applyBatch(pool, { generation, streamId, worker: 'calendar' }, batch);
  } finally {
    await pool.end();
  }
}

/**
 * Buckets of a question that hold messages: how many-th of how many, when it begins, and what is in
 * it.
 */
async function bucketsOf(
  start: string,
  end: string,
  granularity: Granularity,
  timeZone: string,
): Promise<string[]> {
  const { series } = await admin.getSummary(
    GetSummaryRequest.fromPartial({ range: { start, end }, granularity, timeZone }),
  );
  return series.flatMap(({ bucket, counts }, index) => {
    const seconds = Number(bucket?.start?.seconds ?? 0n);
    const begins = new Date(seconds * 1000).toISOString().slice(0, 16);
    const accepted = counts?.accepted ?? 0n;
    return accepted === 0n ? [] : [`${index + 1}/${series.length} ${begins}Z ${accepted}`];
  });
}

describe('messages', () => {
  const { GRANULARITY_DAY: DAY, GRANULARITY_HOUR: HOUR } = Granularity;
  const QUARTER = Granularity.GRANULARITY_QUARTER_HOUR;

  test('of a leap day are in its own bucket', async () => {
    expect(await bucketsOf('2024-02-28', '2024-03-02', DAY, 'UTC')).toEqual([
      '1/3 2024-02-28T00:00Z 1',
      '2/3 2024-02-29T00:00Z 2',
      '3/3 2024-03-01T00:00Z 1',
    ]);
    expect(await bucketsOf('2024-02-29', '2024-03-01', QUARTER, 'UTC')).toEqual([
      '1/96 2024-02-29T00:00Z 1',
      '96/96 2024-02-29T23:45Z 1',
    ]);
  });

  test('of both sides of an hour that the clocks skip are in neighbouring buckets', async () => {
    expect(await bucketsOf('2024-03-31', '2024-04-01', HOUR, 'Europe/Zurich')).toEqual([
      '2/23 2024-03-31T00:00Z 1',
      '3/23 2024-03-31T01:00Z 1',
      '23/23 2024-03-31T21:00Z 1',
    ]);
    expect(await bucketsOf('2024-03-31', '2024-04-02', DAY, 'Europe/Zurich')).toEqual([
      '1/2 2024-03-30T23:00Z 3',
      '2/2 2024-03-31T22:00Z 1',
    ]);
  });

  test('of an hour that comes twice are in the one they were accepted in', async () => {
    expect(await bucketsOf('2024-10-27', '2024-10-28', HOUR, 'Europe/Zurich')).toEqual([
      '3/25 2024-10-27T00:00Z 1',
      '4/25 2024-10-27T01:00Z 1',
      '25/25 2024-10-27T22:00Z 1',
    ]);
    expect(await bucketsOf('2024-10-26', '2024-10-29', DAY, 'Europe/Zurich')).toEqual([
      '1/3 2024-10-25T22:00Z 1',
      '2/3 2024-10-26T22:00Z 3',
      '3/3 2024-10-27T23:00Z 1',
    ]);
  });
});

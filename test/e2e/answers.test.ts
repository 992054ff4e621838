// The whole path on real engines: a few thousand generated events, copied and shuffled, go in
// through NATS; every number of all five questions comes out over mTLS and is held against an
// oracle that shares no code with the services.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Publication } from '../../deploy/local/traffic/schedule.js';
import {
  Dimension,
  type GetDeliveryBreakdownRequest,
  type GetOperatorPerformanceRequest,
} from '../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  Compare,
  ErrorClass,
  type Filter,
  Granularity,
  Outcome,
  WeekStart,
} from '../../src/generated/proto/sms/analytics/v1/common.js';
import { accountUsage, standingOf, summary, throughput } from '../oracle/answers.js';
import { differences } from '../oracle/differences.js';
import { microsOf } from '../oracle/figures.js';
import { type Ledger, ledgerOf } from '../oracle/ledger.js';
import { deliveryBreakdown, operatorPerformance } from '../oracle/ranked-answers.js';
import { cellDifferences, cellsOf, readCells } from '../oracle/rollup-cells.js';
import { type Analytics, analyticsClient } from '../support/analytics-client.js';
import { chargeOf, publicationOf } from '../support/publications.js';
import { createSite, type TestSite } from '../support/site.js';
import { shuffledDays } from '../support/traffic-of-the-hour.js';

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;
const SEED = 20261122;

let site: TestSite;
let admin: Analytics;
let ledger: Ledger;
let published: Publication[];
/**
 * The first day with traffic and the day after today: some four and a half days, part of them
 * settled.
 */
let whole: { start: string; end: string };
let quarterPast: { start: string; end: string };
/** The day of the last traffic; midnight may pass while the tests run. */
let today: { start: string; end: string };

/**
 * A message that was charged at TR2 and reported by TR1, and another that TR9 gave half back of.
 */
function atOtherOperators(): Publication[] {
  const [one, two] = [
    chargeOf(1, { operatorId: 'TR2', amount: '1', currency: 'USD' }),
    chargeOf(2),
  ];
  const fieldsOf = ({ messageId, accountId, acceptedAt }: typeof one) => ({
    ...{ messageId, accountId, acceptedAt },
  });
  const refund = { amount: '0.025', currency: 'EUR', refundedAt: two.acceptedAt };
  return [
    publicationOf('sms.billing.v1.charged', one),
    publicationOf('sms.billing.v1.charged', two),
    publicationOf('sms.dlr.v1.reported', {
      ...fieldsOf(one),
      ...{ eventId: 'by-TR1', operatorId: 'TR1', state: 'DELIVERED', reportedAt: one.acceptedAt },
    }),
    publicationOf('sms.billing.v1.refunded', {
      ...fieldsOf(two),
      ...{ eventId: 'by-TR9', operatorId: 'TR9', ...refund },
    }),
  ];
}

const date = (micros: number) => new Date(micros / 1000).toISOString().slice(0, 10);

beforeAll(async () => {
  const now = Date.now() * 1000;
  const midnight = now - (now % DAY);
  const start = midnight - 4 * DAY;
  published = [...shuffledDays(now / 1000, SEED), ...atOtherOperators()];
  today = { start: date(midnight), end: date(midnight + DAY) };
  whole = { start: date(start), end: today.end };
  const iso = (micros: number) => new Date(micros / 1000).toISOString();
  // Neither end on a quarter hour: the service must floor the one and raise the other.
  quarterPast = { start: iso(now - DAY - 7 * 60 * SECOND), end: iso(now + 3 * 60 * SECOND) };
  site = await createSite();
  await Promise.all([site.start('ingest'), site.start('api')]);
  await site.publish(published);
  await site.drained();
  admin = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
  ledger = ledgerOf(await site.stored());
  await freshAnswer(Date.now() * 1000);
}, 300_000);

afterAll(async () => {
  admin?.close();
  await site?.close();
});

/** Waits until answers say that they hold everything published before this instant. */
async function freshAnswer(instant: number): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const { meta } = await admin.getThroughput(throughputOf({ range: whole }));
    if (microsOf(meta?.dataAsOf) >= instant) return;
    if (Date.now() > deadline) throw new Error(`data_as_of stays before ${instant}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const period = (more: object) => ({
  range: whole,
  timeZone: '',
  granularity: Granularity.GRANULARITY_TOTAL,
  weekStart: WeekStart.WEEK_START_UNSPECIFIED,
  compare: Compare.COMPARE_UNSPECIFIED,
  compareElapsed: false,
  ...more,
});
const throughputOf = (more: object) => ({
  range: whole,
  timeZone: '',
  granularity: Granularity.GRANULARITY_TOTAL,
  weekStart: WeekStart.WEEK_START_UNSPECIFIED,
  filter: undefined,
  ...more,
});
const ranked = (more: object): GetOperatorPerformanceRequest => ({
  ...period({}),
  operatorId: '',
  orderBy: '',
  pageSize: 200,
  pageToken: '',
  ...more,
});
const breakdown = (more: object): GetDeliveryBreakdownRequest => ({
  range: whole,
  timeZone: '',
  filter: undefined,
  groupBy: [],
  orderBy: '',
  pageSize: 1000,
  pageToken: '',
  ...more,
});
const filter = (more: Partial<Filter>): Filter => ({
  accountIds: [],
  operatorIds: [],
  outcomes: [],
  reasons: [],
  errorClasses: [],
  ...more,
});

/**
 * Questions about a period: ranges, granularities, zones whose days begin elsewhere, comparisons.
 */
const periods = (): [string, ReturnType<typeof period>][] => [
  ['the whole', period({})],
  ['quarter hours', period({ granularity: Granularity.GRANULARITY_QUARTER_HOUR })],
  [
    'hours of a day past',
    period({ range: quarterPast, granularity: Granularity.GRANULARITY_HOUR }),
  ],
  [
    'days in Zurich',
    period({ timeZone: 'Europe/Zurich', granularity: Granularity.GRANULARITY_DAY }),
  ],
  [
    'days in Kathmandu, against the days before',
    period({
      timeZone: 'Asia/Kathmandu',
      granularity: Granularity.GRANULARITY_DAY,
      compare: Compare.COMPARE_PREVIOUS_PERIOD,
    }),
  ],
  [
    'weeks from Sunday in New York, against a week before',
    period({
      timeZone: 'America/New_York',
      granularity: Granularity.GRANULARITY_WEEK,
      weekStart: WeekStart.WEEK_START_SUNDAY,
      compare: Compare.COMPARE_PREVIOUS_WEEK,
    }),
  ],
  [
    'months, against a year before',
    period({ granularity: Granularity.GRANULARITY_MONTH, compare: Compare.COMPARE_PREVIOUS_YEAR }),
  ],
  ['a day against the day before', period({ range: quarterPast, compare: 1 })],
  [
    'today so far against as much of yesterday',
    period({
      range: today,
      compare: Compare.COMPARE_PREVIOUS_PERIOD,
      compareElapsed: true,
    }),
  ],
];

describe('answers over everything that was published', () => {
  it('has something of everything to count', () => {
    // The traffic follows the date, so the rarest outcome may be missing on some day.
    const outcomes = new Set(ledger.messages.map(({ outcome }) => outcome));
    expect(outcomes.size).toBeGreaterThanOrEqual(6);
    expect(published.length).toBeGreaterThan(5_000);
    expect(ledger.messages.some(({ contradicted }) => contradicted)).toBe(true);
    expect(ledger.refunds.length).toBeGreaterThan(0);
    expect(ledger.refused.size).toBeGreaterThan(2);
  });

  it('stores every cell of every rollup as the oracle has it', async () => {
    expect(cellDifferences(await readCells(site.database), cellsOf(ledger))).toEqual([]);
  });

  it('dead-letters every refused event, each under its reason, and every charge that lost', async () => {
    const { rows } = await site.database.query<{ reason: string; events: number }>(
      `SELECT reason, count(*)::int AS events FROM dead_letter WHERE reason <> 'conflict' GROUP BY 1`,
    );
    const byReason = Object.fromEntries(rows.map(({ reason, events }) => [reason, events]));
    expect(byReason).toEqual(Object.fromEntries(ledger.refused));
    const conflicts = await site.database.query<{ event_id: string }>(
      `SELECT DISTINCT event_id FROM dead_letter WHERE reason = 'conflict' ORDER BY 1`,
    );
    const expected = new Set(ledger.conflicts.map(({ eventId }) => eventId));
    expect(conflicts.rows.map((row) => row.event_id)).toEqual([...expected].sort());
  });

  it('answers GetSummary like the oracle', async () => {
    for (const [name, question] of periods()) {
      const answer = await admin.getSummary(question);
      const expected = summary(ledger, question, standingOf(answer.meta));
      expectSame(answer, expected, name);
    }
  });

  it('answers GetAccountUsage like the oracle, for large, small and unknown accounts', async () => {
    for (const accountId of ['acme-travel', 'northwind-03', 'globex-bank', 'nobody']) {
      for (const [name, question] of periods()) {
        const asked = { ...question, accountId };
        const answer = await admin.getAccountUsage(asked);
        const expected = accountUsage(ledger, asked, standingOf(answer.meta));
        expectSame(answer, expected, `${accountId}: ${name}`);
      }
    }
  });

  it('answers GetThroughput like the oracle', async () => {
    const minutes = { granularity: Granularity.GRANULARITY_MINUTE, range: quarterPast };
    const some = filter({ operatorIds: ['26201', '310260'] });
    for (const question of [
      throughputOf({}),
      throughputOf({ granularity: Granularity.GRANULARITY_HOUR }),
      throughputOf({ granularity: Granularity.GRANULARITY_QUARTER_HOUR, filter: some }),
      throughputOf({ granularity: Granularity.GRANULARITY_DAY, timeZone: 'Asia/Kathmandu' }),
      throughputOf({
        ...minutes,
        range: { start: quarterPast.start, end: new Date().toISOString() },
        granularity: Granularity.GRANULARITY_HOUR,
      }),
      throughputOf({ ...minutes, range: lastHours(5), filter: some }),
    ]) {
      const answer = await admin.getThroughput(question);
      const expected = throughput(ledger, question, standingOf(answer.meta));
      expectSame(answer, expected, JSON.stringify(question));
    }
  });

  it('answers GetOperatorPerformance like the oracle, in every order', async () => {
    const orders = ['operator_id', 'delivery_rate desc', 'failure_rate,operator_id desc', 'share'];
    for (const question of [
      ...periods()
        .filter(([, { granularity }]) => granularity !== Granularity.GRANULARITY_QUARTER_HOUR)
        .map(([, question]) => ranked(question)),
      ...orders.map((orderBy) => ranked({ orderBy })),
      ranked({ operatorId: '41220', granularity: Granularity.GRANULARITY_HOUR }),
      ranked({ operatorId: '99999' }),
      ranked({ orderBy: 'contradicted desc, unknown desc, pending' }),
    ]) {
      const answer = await admin.getOperatorPerformance(question);
      const page = { offset: 0, size: 200 };
      const expected = operatorPerformance(ledger, question, standingOf(answer.meta), page);
      expectSame(answer, expected, JSON.stringify(question));
    }
  });

  it('pages through operators with totals that add up on every page', async () => {
    const question = ranked({ pageSize: 7, orderBy: 'segments desc' });
    let pageToken = '';
    let offset = 0;
    do {
      const answer = await admin.getOperatorPerformance({ ...question, pageToken });
      const page = { offset, size: 7 };
      const expected = operatorPerformance(ledger, question, standingOf(answer.meta), page);
      expectSame(answer, expected, `from ${offset}`);
      pageToken = answer.nextPageToken;
      offset += 7;
    } while (pageToken !== '');
    expect(offset).toBeGreaterThan(20);
  });

  it('has the money of operators without accepted messages on rows of zeros', async () => {
    const { rows, money } = await admin.getOperatorPerformance(ranked({}));
    const paid = rows.filter(({ operatorId }) => ['TR2', 'TR9'].includes(operatorId));
    expect(paid).toMatchObject([
      { operatorId: 'TR2', counts: { accepted: 0n }, money: [{ currency: 'USD', net: '1' }] },
      { operatorId: 'TR9', counts: { accepted: 0n }, money: [{ currency: 'EUR', net: '-0.025' }] },
    ]);
    expect(money).toEqual((await admin.getSummary(period({}))).money);
  });

  it('answers GetDeliveryBreakdown like the oracle, by every dimension and filter', async () => {
    const { DIMENSION_ACCOUNT, DIMENSION_ERROR_CLASS, DIMENSION_OPERATOR } = Dimension;
    const { DIMENSION_OUTCOME, DIMENSION_REASON } = Dimension;
    for (const question of [
      breakdown({}),
      breakdown({ groupBy: [DIMENSION_REASON] }),
      breakdown({ groupBy: [DIMENSION_ERROR_CLASS, DIMENSION_REASON], orderBy: 'error_class' }),
      breakdown({ groupBy: [DIMENSION_OPERATOR, DIMENSION_OUTCOME, DIMENSION_REASON] }),
      breakdown({ groupBy: [DIMENSION_ACCOUNT], orderBy: 'segments desc,account_id' }),
      breakdown({ groupBy: [DIMENSION_ACCOUNT, DIMENSION_OPERATOR], range: quarterPast }),
      breakdown({ groupBy: [DIMENSION_REASON], filter: filter({ accountIds: ['acme-travel'] }) }),
      breakdown({
        groupBy: [DIMENSION_OPERATOR],
        filter: filter({ outcomes: [Outcome.OUTCOME_UNKNOWN, Outcome.OUTCOME_EXPIRED] }),
      }),
      breakdown({ filter: filter({ reasons: ['NO_RECEIPT', 'ABSENT_SUBSCRIBER'] }) }),
      breakdown({
        groupBy: [DIMENSION_REASON],
        timeZone: 'Europe/Zurich',
        filter: filter({
          operatorIds: ['41220', '62130', '40410'],
          errorClasses: [ErrorClass.ERROR_CLASS_TEMPORARY, ErrorClass.ERROR_CLASS_UNKNOWN],
        }),
      }),
      breakdown({ filter: filter({ errorClasses: [ErrorClass.ERROR_CLASS_NONE] }) }),
      breakdown({ filter: filter({ accountIds: ['nobody'] }) }),
    ]) {
      const answer = await admin.getDeliveryBreakdown(question);
      const page = { offset: 0, size: 1000 };
      const expected = deliveryBreakdown(ledger, question, standingOf(answer.meta), page);
      expectSame(answer, expected, JSON.stringify(question));
    }
  });

  it('pages through a breakdown with an `other` row that adds up on every page', async () => {
    const groupBy = [Dimension.DIMENSION_ACCOUNT, Dimension.DIMENSION_OUTCOME];
    const question = breakdown({ groupBy, pageSize: 30 });
    let pageToken = '';
    let offset = 0;
    do {
      const answer = await admin.getDeliveryBreakdown({ ...question, pageToken });
      const page = { offset, size: 30 };
      const expected = deliveryBreakdown(ledger, question, standingOf(answer.meta), page);
      expectSame(answer, expected, `from ${offset}`);
      pageToken = answer.nextPageToken;
      offset += 30;
    } while (pageToken !== '');
    expect(offset).toBeGreaterThan(60);
  });
});

/** Fails with the first differences; thousands more would not be read. */
function expectSame(answer: unknown, expected: unknown, question: string): void {
  expect(differences(answer, expected).slice(0, 12), question).toEqual([]);
}

function lastHours(hours: number): { start: string; end: string } {
  const end = Date.now();
  return {
    start: new Date(end - hours * 3_600_000).toISOString(),
    end: new Date(end).toISOString(),
  };
}

// The three questions that analysts ask, exactly as deploy/clickhouse/README.md shows them, on a
// copy that came the whole way: events, ingest, rollups, anlyt-etl. The API answers the same from
// Postgres; both must agree.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Child } from '../../../deploy/local/engines/child.js';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { publications } from '../../../deploy/local/traffic/schedule.js';
import { Dimension } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  Compare,
  Granularity,
  Outcome,
  WeekStart,
} from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { microsOf } from '../../oracle/figures.js';
import { type Analytics, analyticsClient } from '../../support/analytics-client.js';
import { createClickHouse, createDatabase } from '../../support/engines.js';
import { createSite, type TestSite } from '../../support/site.js';
import { anlytEtl, environmentOf } from './command.js';
import { openStage, type Stage } from './stage.js';

const DAY_MS = 86_400_000;
const todayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const everything = { start: dateOf(todayMs - 34 * DAY_MS), end: dateOf(todayMs + DAY_MS) };

let site: TestSite;
let stage: Stage;
let api: Child;
let admin: Analytics;
let questions: string[];

beforeAll(async () => {
  const page = readFileSync(join(projectRoot, 'deploy/clickhouse/README.md'), 'utf8');
  questions = [...page.matchAll(/```sql\n(.*?)```/gs)].map((match) => match[1] ?? '');
  const database = await createDatabase();
  site = await createSite({ database });
  stage = await openStage(database, createClickHouse());
  [api] = await Promise.all([site.start('api'), site.start('ingest')]);
  const from = (todayMs - 33 * DAY_MS) * 1000;
  // Busier since yesterday, so that the question about those hours has an answer at every time of
  // the day.
  const busy = { from: (todayMs - DAY_MS) * 1000, eventsPerSecond: 0.02, rhythm: true };
  const plan = { seed: 5, paces: [{ from, eventsPerSecond: 0.002, rhythm: true }, busy] };
  await site.publish([...publications(plan, from, Date.now() * 1000)]);
  await site.drained();
  admin = analyticsClient(site.site.ports.grpc, site.tls, 'admin-dashboard');
  await settled();
  expect(await stage.run()).toMatchObject({ outcome: 'copied' });
}, 300_000);
afterAll(async () => {
  admin?.close();
  await stage?.close();
  await site?.close();
});

const period = {
  timeZone: '',
  granularity: Granularity.GRANULARITY_TOTAL,
  weekStart: WeekStart.WEEK_START_UNSPECIFIED,
  compare: Compare.COMPARE_UNSPECIFIED,
  compareElapsed: false,
};
const breakdown = { timeZone: '', orderBy: '', pageSize: 1000, pageToken: '' };

/**
 * Waits until ingest has said that all of it is in: data_as_of is then no longer in the past of the
 * events.
 */
async function settled(): Promise<void> {
  const startedMs = Date.now();
  for (;;) {
    const { meta } = await admin.getSummary({ ...period, range: everything });
    const dataAsOfMs = microsOf(meta?.dataAsOf) / 1000;
    if (dataAsOfMs >= startedMs || Date.now() - startedMs > 120_000) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Asks as an analyst would: the statement as it stands, in the copy's database. */
async function ask(sql: string): Promise<Record<string, string | null>[]> {
  const url = `${stage.ends.warehouse.url}/?database=${stage.ends.target.database}&default_format=JSONEachRow&output_format_json_quote_64bit_integers=1&output_format_json_quote_decimals=1`;
  const answer = await fetch(url, { method: 'POST', body: sql });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('no question depends on the time zone of the server', () => {
  expect(questions.join()).not.toMatch(/today\(\)|now\(\)/);
});

test('cost per delivered message by operator', async () => {
  const rows = await ask(questions[0] ?? '');
  const range = { start: dateOf(todayMs - 30 * DAY_MS), end: everything.end };
  const answer = await admin.getOperatorPerformance({
    ...period,
    range,
    operatorId: '',
    orderBy: '',
    pageSize: 200,
    pageToken: '',
  });
  const expected = answer.rows.flatMap((row) =>
    row.money.map((money) => ({
      operator_id: row.operatorId,
      currency: money.currency,
      net: Number(money.net),
      delivered: row.counts?.delivered.toString(),
      net_per_delivered: Number(money.netPerDelivered).toFixed(6),
    })),
  );
  const currencies = rows.map((row) => row.currency);
  expect(currencies).toEqual([...currencies].sort()); // amounts of two currencies have no order
  const actual = rows.map((row) => ({
    ...row,
    net: Number(row.net),
    net_per_delivered: Number(row.net_per_delivered).toFixed(6),
  }));
  const byOperator = (a: { operator_id: string }, b: { operator_id: string }): number =>
    a.operator_id < b.operator_id ? -1 : 1;
  expect(expected.length).toBeGreaterThan(10);
  expect(actual.sort(byOperator as never)).toEqual(expected.sort(byOperator));
});

test('worst operators by hour and reason', async () => {
  const rows = await ask(questions[1] ?? '');
  expect(rows.length).toBeGreaterThan(3);
  for (const row of rows) {
    const hour = `${row.hour?.replace(' ', 'T')}Z`;
    const end = new Date(Date.parse(hour) + 3_600_000).toISOString();
    const answer = await admin.getDeliveryBreakdown({
      ...breakdown,
      range: { start: hour, end },
      filter: {
        accountIds: [],
        operatorIds: [row.operator_id ?? ''],
        outcomes: [],
        reasons: [],
        errorClasses: [],
      },
      groupBy: [Dimension.DIMENSION_REASON, Dimension.DIMENSION_OUTCOME],
    });
    const failures = answer.rows.filter(
      ({ reason, outcome }) =>
        reason === row.reason &&
        [
          Outcome.OUTCOME_UNDELIVERABLE,
          Outcome.OUTCOME_EXPIRED,
          Outcome.OUTCOME_REJECTED,
          Outcome.OUTCOME_DELETED,
        ].includes(outcome as Outcome),
    );
    expect(String(failures.reduce((sum, { messages }) => sum + messages, 0n))).toBe(row.failed);
    expect(String(answer.messages)).toBe(row.accepted);
  }
});

test('month over month per account', async () => {
  const rows = await ask(questions[2] ?? '');
  const accounts = [...new Set(rows.map((row) => row.account_id ?? ''))].slice(0, 8);
  let comparedCount = 0;
  for (const accountId of accounts) {
    const answer = await admin.getAccountUsage({
      ...period,
      range: everything,
      granularity: Granularity.GRANULARITY_MONTH,
      accountId,
    });
    const expected = answer.series
      .map(({ counts }) => [String(counts?.accepted), String(counts?.delivered)])
      .filter(([accepted]) => accepted !== '0');
    const own = rows.filter((row) => row.account_id === accountId);
    expect(own.map((row) => [row.accepted, row.delivered])).toEqual(expected);
    // 34 days touch two months, or three: on the first days of a month, and of March.
    for (const { month, accepted_before } of own) {
      const before = own.find((row) => row.month === monthBefore(month ?? ''));
      expect(accepted_before).toBe(before?.accepted ?? '0');
      if (before) comparedCount++;
    }
  }
  expect(comparedCount).toBeGreaterThan(0);
});

/** First day of the month before that of this first day. */
function monthBefore(first: string): string {
  const [year = 0, month = 0] = first.split('-').map(Number);
  return dateOf(Date.UTC(year, month - 2, 1));
}

/** Messages and segments by outcome and reason, as the API answers them, and as the view does. */
async function bothBreakdowns(): Promise<{ api: string[][]; view: string[][] }> {
  const answer = await admin.getDeliveryBreakdown({
    ...breakdown,
    range: everything,
    filter: undefined,
    groupBy: [Dimension.DIMENSION_OUTCOME, Dimension.DIMENSION_REASON],
  });
  const api = answer.rows.map((row) => [
    Outcome[row.outcome ?? 0]?.replace('OUTCOME_', '') ?? '',
    row.reason ?? '',
    String(row.messages),
    String(row.segments),
  ]);
  const view = await stage.ask(
    'SELECT outcome, reason, sum(messages), sum(segments) FROM DB.outcomes GROUP BY outcome, reason',
  );
  return { api: api.sort(), view: view.sort() };
}

test('the views apply the settling rule as the API does', async () => {
  const { api, view } = await bothBreakdowns();
  expect(view.map((row) => row[1])).toContain('NO_RECEIPT');
  expect(view).toEqual(api);
});

test('latency percentiles from the view are those of the API', async () => {
  const { latency } = await admin.getSummary({ ...period, range: everything });
  const [row] = await stage.ask(
    'SELECT quantileExactWeighted(0.5)(latency_ms, messages), sum(messages) FROM DB.latency',
  );
  const p50Ms = Number(latency?.p50?.seconds) * 1000 + Number(latency?.p50?.nanos) / 1e6;
  expect(p50Ms).toBeGreaterThan(0);
  expect(Number(row?.[0]) / p50Ms).toBeCloseTo(1, 6);
});

test('the age of the copy is a metric of the api, and in ops status, when no job is running', async () => {
  const [lag] = await stage.sql(
    `SELECT extract(epoch FROM checkpointed_at)::text, extract(epoch FROM c.data_as_of)::text
       FROM etl_checkpoint c`,
  );
  const page = await fetch(`http://127.0.0.1:${site.site.ports.apiAdmin}/metrics`);
  const metrics = await page.text();
  const sampleOf = (name: string): number =>
    Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`sms_analytics_copy_${name}`))
        ?.split(' ')[1],
    );
  expect(sampleOf('completed_timestamp_seconds')).toBeCloseTo(Number(lag?.[0]), 3);
  expect(sampleOf('data_as_of_timestamp_seconds')).toBeCloseTo(Number(lag?.[1]), 3);
  expect(sampleOf('last_run{outcome="copied"')).toBe(1);
  expect(sampleOf('last_run{outcome="mismatch"')).toBe(0);
  const status = JSON.parse(await site.ops('status', '--json'));
  expect(Date.parse(status.copy.completedAt) / 1000).toBeCloseTo(Number(lag?.[0]), 2);
  expect(status.copy.lastOutcome).toBe('copied');
});

test('another SETTLE_HOURS holds in the API from its start, in the views from the next run on', async () => {
  const unsettled = ({ view }: { view: string[][] }) => view.find((row) => row[1] === 'NO_RECEIPT');
  const settledThrough = async () => {
    const { meta } = await admin.getSummary({ ...period, range: everything });
    const [row] = await stage.ask('SELECT toString(settled_through), data_as_of FROM DB.freshness');
    const hours = (Date.parse(`${row?.[1]}Z`) - Date.parse(`${row?.[0]}Z`)) / 3_600_000;
    return { api: microsOf(meta?.settledThrough) - microsOf(meta?.dataAsOf), hours };
  };
  const by72 = await bothBreakdowns();
  await api.stop();
  await site.start('api', { SETTLE_HOURS: '300' });
  const env = { ...environmentOf(stage.ends), SETTLE_HOURS: '300' };
  expect(await anlytEtl([], env)).toMatchObject({ code: 0, err: '' });
  const by300 = await bothBreakdowns();
  expect(by300.view).toEqual(by300.api);
  expect(Number(unsettled(by300)?.[2])).toBeLessThan(Number(unsettled(by72)?.[2]));
  expect(Number(unsettled(by300)?.[2])).toBeGreaterThan(0);
  const { api: micros, hours } = await settledThrough();
  expect(hours - 300).toBeGreaterThanOrEqual(0);
  expect(hours - 300).toBeLessThan(0.25); // floored to a quarter hour
  expect(micros / -3_600_000_000 - 300).toBeLessThan(0.25);
});

// Attacks 13 and 14 on the api process over mutual TLS: every wrong text, zone, number, page and
// token is answered with INVALID_ARGUMENT and its field, and no statement is issued for it. That is
// seen in two ways: the pool of accounts never even connects, and with Postgres taken away wrong
// questions are answered as before, while right ones cannot be.

import { readFileSync } from 'node:fs';
import { credentials, status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Child } from '../../../deploy/local/engines/child.js';
import type { Identity } from '../../../deploy/local/secrets/certificates.js';
import {
  AnalyticsServiceClient,
  type GetOperatorPerformanceResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { type CuttingProxy, startCuttingProxy } from '../../fault/soak/cutting-proxy.js';
import { call } from '../../support/api-server.js';
import { chargeOf, publicationOf } from '../../support/publications.js';
import { createSite, type TestSite } from '../../support/site.js';
import {
  dayOf,
  NO_INSTANTS,
  range,
  type Wrong,
  wrongInstants,
  wrongQuestions,
} from './wrong-questions.js';

let site: TestSite;
let proxy: CuttingProxy;
let api: Child;
let admin: AnalyticsServiceClient;
let portal: AnalyticsServiceClient;
/** What the first page of two operators answered as its next. */
let token = '';

beforeAll(async () => {
  site = await createSite();
  const ingest = await site.start('ingest');
  const operators = ['22801', '22802', '26201'];
  await site.publish(
    operators.map((operatorId, index) =>
      publicationOf('sms.billing.v1.charged', chargeOf(index, { operatorId })),
    ),
  );
  await site.drained();
  await ingest.stop();
  proxy = await startCuttingProxy(site.site.ports.postgres);
  const throughProxy = (role: 'analytics_platform' | 'analytics_account') => {
    const url = new URL(site.site.databaseUrl);
    url.username = role;
    url.password = site.site.credentials.roles[role];
    url.hostname = '127.0.0.1';
    return proxy.through(url.href);
  };
  api = await site.start('api', {
    DATABASE_URL: throughProxy('analytics_platform'),
    ACCOUNT_DATABASE_URL: throughProxy('analytics_account'),
  });
  admin = clientOf('admin-dashboard');
  portal = clientOf('customer-portal');
});
afterAll(async () => {
  admin?.close();
  portal?.close();
  await site?.close();
  await proxy?.close();
});

function clientOf(identity: Identity): AnalyticsServiceClient {
  const { ca, identities } = site.tls;
  const { cert, key } = identities[identity];
  const secured = credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(cert));
  return new AnalyticsServiceClient(`localhost:${site.site.ports.grpc}`, secured);
}

/** What each of them gets that is not exactly its fields. */
async function unexpectedAnswers(questions: readonly Wrong[]): Promise<string[]> {
  const found: string[] = [];
  for (const { what, rpc, request, fields } of questions) {
    const end = await call(admin, rpc, request);
    const named = (end.violations ?? []).map(({ field }) => field).sort();
    const right =
      end.code === GrpcCode.INVALID_ARGUMENT &&
      end.reason === 'analytics.sms/INVALID_QUESTION' &&
      JSON.stringify(named) === JSON.stringify([...fields].sort());
    if (!right) found.push(`${what}: code ${end.code}, ${named.join(' ') || 'no fields'}`);
  }
  return found;
}

const pageOf = (changes: object) =>
  call(admin, 'getOperatorPerformance', { range, pageSize: 2, ...changes });

/** Tokens that must not open a page: changed in one place each, or given to another question. */
async function refusedTokens(): Promise<string[]> {
  const changed = [...token].map((letter, at) => {
    const other = letter === 'A' ? 'B' : 'A';
    return { pageToken: token.slice(0, at) + other + token.slice(at + 1) };
  });
  const foreign = [
    { range: { start: dayOf(-2), end: dayOf(1) } },
    { timeZone: 'Europe/Zurich' },
    { operatorId: '22801' },
    { orderBy: 'accepted' },
    { compare: 1 },
  ].map((change) => ({ pageToken: token, ...change }));
  const others = [`${token}.`, `${token}A`, token.slice(1), token.toLowerCase(), ` ${token}`];
  const ends = await Promise.all(
    [...changed, ...foreign, ...others.map((pageToken) => ({ pageToken }))].map(pageOf),
  );
  const elsewhere = await call(admin, 'getDeliveryBreakdown', { range, pageToken: token });
  return [...ends, elsewhere].map(
    ({ code, violations }) => `${code} ${violations?.map(({ field }) => field).join(' ')}`,
  );
}

const sessionsOfAccounts = async () => {
  const { rows } = await site.database.query(
    `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'sms-analytics-api-account'`,
  );
  return rows.length;
};

describe('a wrong question', () => {
  test('with a text that is no instant is refused, naming the field', async () => {
    expect(wrongInstants.length).toBe(NO_INSTANTS.length * 5 * 2);
    expect(await unexpectedAnswers(wrongInstants)).toEqual([]);
  });

  test('that is impossible is refused, naming every wrong field at once', async () => {
    expect(await unexpectedAnswers(wrongQuestions)).toEqual([]);
  });

  test('of an account has opened no connection to Postgres so far; the first right one does', async () => {
    const headers = { 'x-account-id': 'acme' };
    const bad = { accountId: 'acme', range: { start: '1', end: '2025' } };
    const refused = await call(portal, 'getAccountUsage', bad, headers);
    expect(refused.violations?.map(({ field }) => field)).toEqual(['range.start', 'range.end']);
    expect(await sessionsOfAccounts()).toBe(0);
    const good = await call(portal, 'getAccountUsage', { accountId: 'acme', range }, headers);
    expect(good).toMatchObject({ code: GrpcCode.OK, response: { counts: { accepted: 3n } } });
    expect(await sessionsOfAccounts()).toBe(1);
  });
});

describe('pages', () => {
  test('of a size above the maximum are answered as of the maximum', async () => {
    for (const pageSize of [201, 2 ** 31 - 1]) {
      const end = await pageOf({ pageSize });
      expect(end).toMatchObject({ code: GrpcCode.OK, response: { totalSize: 3 } });
    }
  });

  test('go on by their own token, and by no other', async () => {
    const first = (await pageOf({})).response as GetOperatorPerformanceResponse;
    expect(first.rows).toHaveLength(2);
    token = first.nextPageToken;
    const second = (await pageOf({ pageToken: token })).response as GetOperatorPerformanceResponse;
    expect(second.rows).toHaveLength(1);
    expect(second.nextPageToken).toBe('');
    expect(new Set(await refusedTokens())).toEqual(new Set(['3 page_token']));
  });
});

/**
 * What no answer may say: a statement, a table, a role, an address of the inside, a place in the
 * source.
 */
const INSIDE = /select|money_|analytics_|127\.0\.0\.1|postgres|\.(js|ts):\d/i;

test('attack 16: an error of Postgres leaves with a correlation id, and is in the log under it', async () => {
  await site.database.query('ALTER TABLE money_sum RENAME TO money_gone');
  // Days that nobody has asked for: what is remembered needs no table.
  const end = await call(admin, 'getSummary', { range: { start: dayOf(-60), end: dayOf(-59) } });
  await site.database.query('ALTER TABLE money_gone RENAME TO money_sum');
  expect(end).toMatchObject({ code: GrpcCode.INTERNAL, reason: 'analytics.sms/INTERNAL' });
  expect(JSON.stringify(end)).not.toMatch(INSIDE);
  expect(end.correlationId).toMatch(/^[\w-]{16,}$/);
  const lines = readFileSync(api.logFile, 'utf8').split('\n');
  const told = lines.filter((line) => line.includes(String(end.correlationId)));
  expect(told.some((line) => line.includes('"42P01"'))).toBe(true);
});

test('without Postgres wrong questions get the same answers, so none of them asks it', async () => {
  await proxy.close();
  expect(await unexpectedAnswers([...wrongInstants, ...wrongQuestions])).toEqual([]);
  expect(new Set(await refusedTokens())).toEqual(new Set(['3 page_token']));
  const right = await call(admin, 'getSummary', { range: { start: dayOf(-3), end: dayOf(1) } });
  expect(right).toMatchObject({ code: GrpcCode.UNAVAILABLE });
  expect(JSON.stringify(right)).not.toMatch(INSIDE);
});

// Attacks 9-11 on the api process with rows of two accounts: customer-portal sees the one account
// that its header names, byte for byte; nothing is normalised.

import { type ClientHttp2Session, connect } from 'node:http2';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnalyticsServiceClient } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { GetAccountUsageRequest } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  type ApiProcess,
  RANGE,
  type RecordedDenial,
  startApiProcess,
} from '../../support/api-process.js';
import { call, clientFor } from '../../support/api-server.js';
import { framed } from '../../support/grpc-frame.js';
import { ADMIN, issueCaller, PORTAL } from '../../support/pki.js';

const DENIED = {
  code: GrpcCode.PERMISSION_DENIED,
  message: 'the caller may not do this',
  reason: 'analytics.sms/PERMISSION_DENIED',
};

let api: ApiProcess;
let portal: AnalyticsServiceClient;
let admin: AnalyticsServiceClient;
let session: ClientHttp2Session;
beforeAll(async () => {
  api = await startApiProcess();
  const issued = await issueCaller(api.authority, PORTAL);
  portal = clientFor(api, issued);
  admin = clientFor(api, await issueCaller(api.authority, ADMIN));
  session = connect(`https://${api.target}`, { ca: api.authority.pem, ...issued });
});
afterAll(async () => {
  portal?.close();
  admin?.close();
  session?.destroy();
  await api?.close();
});

/** Denials that the portal has got so far; all of them in GetAccountUsage. */
let deniedCount = 0;

async function usage(accountId: string, headers: Record<string, string>) {
  const end = await call(portal, 'getAccountUsage', { accountId, range: RANGE }, headers);
  if (end.code === GrpcCode.PERMISSION_DENIED) deniedCount += 1;
  return end;
}

test.each([
  ['acme', 2n, '0.1'],
  ['umbrella', 1n, '0.05'],
])('the portal is served its own account: %s', async (accountId, accepted, charged) => {
  expect(await usage(accountId, { 'x-account-id': accountId })).toMatchObject({
    code: GrpcCode.OK,
    response: { accountId, counts: { accepted }, money: [{ currency: 'EUR', charged }] },
  });
});

describe('the portal is denied, always with the same answer', () => {
  const cases: [string, string, Record<string, string>][] = [
    ['a foreign account that has rows', 'umbrella', { 'x-account-id': 'acme' }],
    ['an account that nobody has', 'no-such-account', { 'x-account-id': 'acme' }],
    ['no header', 'acme', {}],
    ['an empty header', 'acme', { 'x-account-id': '' }],
    ['no account in the question', '', { 'x-account-id': 'acme' }],
    ['other case', 'acme', { 'x-account-id': 'ACME' }],
    ['two accounts in one header', 'acme', { 'x-account-id': 'acme, other' }],
    ['two accounts in both', 'acme, other', { 'x-account-id': 'acme, other' }],
    ['blanks in the question', ' acme', { 'x-account-id': 'acme' }],
    ['a zero-width character', 'acme\u200b', { 'x-account-id': 'acme' }],
    ['a byte-order mark', '\ufeffacme', { 'x-account-id': 'acme' }],
    ['another Unicode form', 'acme\u0301', { 'x-account-id': 'acme' }],
    ['full-width letters', 'ａcme', { 'x-account-id': 'acme' }],
    ['a NUL', 'acme\0', { 'x-account-id': 'acme' }],
  ];
  test.each(cases)('%s', async (_name, asked, headers) => {
    const end = await usage(asked, headers);
    expect(end).toMatchObject(DENIED);
    // Nothing differs between the cases but the name of the call.
    expect(Object.keys(end).sort()).toEqual(['code', 'correlationId', 'message', 'reason']);
  });

  /** A call with headers exactly as they are here, which a gRPC client would not send. */
  function raw(values: string | string[]): Promise<string | undefined> {
    const body = GetAccountUsageRequest.encode(
      GetAccountUsageRequest.fromPartial({ accountId: 'acme', range: RANGE }),
    ).finish();
    return new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/sms.analytics.v1.AnalyticsService/GetAccountUsage',
        'content-type': 'application/grpc',
        te: 'trailers',
        'x-account-id': values,
      });
      let code: string | undefined;
      stream.on('response', (headers) => (code ??= headers['grpc-status'] as string | undefined));
      stream.on('trailers', (headers) => (code ??= headers['grpc-status'] as string | undefined));
      stream.on('close', () => {
        if (code === String(GrpcCode.PERMISSION_DENIED)) deniedCount += 1;
        resolve(code ?? `reset ${stream.rstCode}`);
      });
      stream.on('error', () => {});
      stream.setTimeout(5_000, () => reject(new Error('hung')));
      stream.resume();
      stream.end(framed(body));
    });
  }

  test('one header on the wire is served, two are denied', async () => {
    expect(await raw('acme')).toBe('0');
    expect(await raw(['acme', 'acme'])).toBe('7');
    expect(await raw(['acme', 'other'])).toBe('7');
    expect(await raw(['other', 'acme'])).toBe('7');
  });

  test('a header with bytes outside ASCII, or blanks that are no blanks, is not the account', async () => {
    for (const value of ['acme\u00a0', 'acm\u00e9', 'acme\u0085'])
      expect(await raw(value)).not.toBe('0');
  });
});

test('the access line of a denied call says who asked, and why it was denied', async () => {
  await usage('umbrella', { 'x-account-id': 'acme' });
  const denied = () =>
    api
      .logLines()
      .map((line) => JSON.parse(line))
      .filter(({ msg, code }) => msg === 'call' && code === 'PERMISSION_DENIED');
  await expect
    .poll(() => denied().at(-1))
    .toMatchObject({ caller: 'customer-portal', reason: 'FOREIGN_ACCOUNT' });
});

test('admin-dashboard is served any account, whatever its header says', async () => {
  for (const headers of [{}, { 'x-account-id': 'umbrella' }, { 'x-account-id': 'a, b' }]) {
    expect(
      await call(admin, 'getAccountUsage', { accountId: 'acme', range: RANGE }, headers),
    ).toMatchObject({
      code: GrpcCode.OK,
      response: { accountId: 'acme', counts: { accepted: 2n } },
    });
  }
});

test('a denial is one audit record per caller, method, reason and minute, with a count', async () => {
  for (let n = 0; n < 25; n++) await usage('umbrella', { 'x-account-id': 'acme' });
  session.destroy();
  const denials = await api.endedWithDenials();
  const keyOf = ({ actor, action, reason, minute }: RecordedDenial) =>
    [actor, action, reason, minute].join(' ');
  expect(new Set(denials.map(keyOf)).size).toBe(denials.length);
  expect(denials.reduce((sum, { occurrences }) => sum + occurrences, 0)).toBe(deniedCount);
  expect(deniedCount).toBeGreaterThan(25);
  for (const denial of denials) {
    expect(denial).toMatchObject({
      actor: 'customer-portal',
      action: 'sms.analytics.v1.AnalyticsService/GetAccountUsage',
      reason: expect.stringMatching(/^(FOREIGN_ACCOUNT|ACCOUNT_HEADER_INVALID)$/),
      minute: expect.stringMatching(/:00Z$/),
    });
  }
  const foreign = denials.filter(({ reason }) => reason === 'FOREIGN_ACCOUNT');
  expect(Math.max(...foreign.map(({ occurrences }) => occurrences))).toBeGreaterThan(10);
  expect(JSON.stringify(denials)).not.toContain('umbrella');
});

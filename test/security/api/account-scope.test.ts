// Attacks 9-11: customer-portal sees the one account that its header names, byte for byte; nothing is normalised.

import { type ClientHttp2Session, connect } from 'node:http2';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnalyticsServiceClient } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { GetAccountUsageRequest } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { call, clientFor, startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN, issueCaller, PORTAL } from '../../support/pki.js';

const DENIED = {
  code: GrpcCode.PERMISSION_DENIED,
  message: 'the caller may not do this',
  reason: 'analytics.sms/PERMISSION_DENIED',
};

let server: TestServer;
let portal: AnalyticsServiceClient;
let admin: AnalyticsServiceClient;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startTestServer();
  const issued = await issueCaller(server.authority, PORTAL);
  portal = clientFor(server, issued);
  admin = clientFor(server, await issueCaller(server.authority, ADMIN));
  session = connect(`https://${server.target}`, { ca: server.authority.pem, ...issued });
});
afterAll(async () => {
  portal.close();
  admin.close();
  session.destroy();
  await server.stop();
});

const usage = (accountId: string, headers: Record<string, string>) =>
  call(portal, 'getAccountUsage', { accountId }, headers);

test('the portal is served its own account, in the scope of its header', async () => {
  expect(await usage('acme', { 'x-account-id': 'acme' })).toMatchObject({
    code: GrpcCode.OK,
    response: { accountId: 'acme' },
  });
});

describe('the portal is denied, always with the same answer', () => {
  const cases: [string, string, Record<string, string>][] = [
    ['a foreign account', 'other', { 'x-account-id': 'acme' }],
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
    expect(end.violations).toBeUndefined();
  });

  /** A call with headers exactly as they are here, which a gRPC client would not send. */
  function raw(values: string | string[]): Promise<string | undefined> {
    const body = GetAccountUsageRequest.encode(
      GetAccountUsageRequest.fromPartial({ accountId: 'acme' }),
    ).finish();
    const frame = Buffer.alloc(5 + body.length);
    frame.writeUInt32BE(body.length, 1);
    frame.set(body, 5);
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
      stream.on('close', () => resolve(code ?? `reset ${stream.rstCode}`));
      stream.on('error', () => {});
      stream.setTimeout(5_000, () => reject(new Error('hung')));
      stream.resume();
      stream.end(frame);
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

test('a denial is one audit record per caller, method, reason and minute, with a count', async () => {
  await server.flushDenials();
  server.denials.length = 0;
  for (let n = 0; n < 25; n++) await usage('other', { 'x-account-id': 'acme' });
  await server.flushDenials();
  expect(server.denials.length).toBeLessThanOrEqual(2); // the minute may turn
  expect(server.denials.reduce((sum, row) => sum + row.count, 0)).toBe(25);
  expect(server.denials[0]).toMatchObject({
    caller: 'customer-portal',
    method: 'sms.analytics.v1.AnalyticsService/GetAccountUsage',
    reason: 'FOREIGN_ACCOUNT',
  });
  expect(JSON.stringify(server.denials)).not.toContain('other');
});

test('admin-dashboard is served any account, whatever its header says', async () => {
  for (const headers of [{}, { 'x-account-id': 'else' }, { 'x-account-id': 'a, b' }]) {
    expect(await call(admin, 'getAccountUsage', { accountId: 'acme' }, headers)).toMatchObject({
      code: GrpcCode.OK,
      response: { accountId: 'acme' },
    });
  }
});

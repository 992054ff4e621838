// Attacks 1-6 and 8 on the api process with rows behind it: who is let in, and as whom. The denials
// are on record.

import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GetSummaryRequest } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  type ApiProcess,
  RANGE,
  startApiProcess,
  tlsOptionsFor,
} from '../../support/api-process.js';
import { call, clientFor, type RpcName } from '../../support/api-server.js';
import {
  ADMIN,
  createAuthority,
  ETL,
  type Issued,
  issue,
  issueCaller,
  OPS,
  PORTAL,
  STRANGER,
} from '../../support/pki.js';

let api: ApiProcess;
beforeAll(async () => {
  api = await startApiProcess();
});
afterAll(() => api?.close());

/** The header of a caller who speaks for `acme`. */
const OWN = { 'x-account-id': 'acme' };

const ADMIN_ONLY: RpcName[] = [
  'getSummary',
  'getOperatorPerformance',
  'getThroughput',
  'getDeliveryBreakdown',
];

async function once(
  issued: Issued | undefined,
  rpc: RpcName = 'getSummary',
  request: object = { range: RANGE },
  headers = {},
) {
  const client = clientFor(api, issued);
  try {
    return await call(client, rpc, request, headers, 20_000);
  } finally {
    client.close();
  }
}

describe('without a certificate that counts no rpc is served', () => {
  const uris = [ADMIN];
  const DAY = 86_400_000;
  const attempts: [string, () => Promise<Issued | undefined>][] = [
    ['no certificate', async () => undefined],
    [
      'a foreign authority',
      async () => issueCaller(await createAuthority('test authority', 2), ADMIN),
    ],
    [
      'self-signed',
      async () => {
        const self = await createAuthority('self', 1);
        const { privateKey } = self.keys;
        const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey));
        return {
          cert: self.pem,
          key: `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`,
        };
      },
    ],
    [
      'expired',
      () =>
        issue(api.authority, {
          commonName: 'x',
          uris,
          notBefore: new Date(Date.now() - 2 * DAY),
          notAfter: new Date(Date.now() - DAY),
        }),
    ],
    [
      'not yet valid',
      () =>
        issue(api.authority, {
          commonName: 'x',
          uris,
          notBefore: new Date(Date.now() + DAY),
          notAfter: new Date(Date.now() + 2 * DAY),
        }),
    ],
    [
      'extended key usage of a server',
      () => issue(api.authority, { commonName: 'x', uris, usages: ['server'] }),
    ],
  ];
  test.each(attempts)('%s', async (_name, make) => {
    const end = await once(await make());
    expect([GrpcCode.UNAVAILABLE, GrpcCode.DEADLINE_EXCEEDED]).toContain(end.code);
  });
});

test('the right certificate is served', async () => {
  const end = await once(await issueCaller(api.authority, ADMIN));
  expect(end).toMatchObject({
    code: GrpcCode.OK,
    response: { counts: { accepted: 3n }, activeAccounts: 2n },
  });
});

describe('an identity that is not exactly a listed one is never the admin', () => {
  const denied: [string, string[]][] = [
    ['ops', [OPS]],
    ['anlyt-etl', [ETL]],
    ['a stranger', [STRANGER]],
    ['another trust domain', ['spiffe://evil.example/ns/admin-dashboard/sa/admin-dashboard']],
    ['a longer namespace', ['spiffe://sms.example/ns/admin-dashboard-evil/sa/admin-dashboard']],
    ['a longer path', [`${ADMIN}/x`]],
  ];
  test.each(denied)('%s is denied', async (_name, uris) => {
    const issued = await issue(api.authority, { commonName: 'x', uris });
    for (const rpc of [...ADMIN_ONLY, 'getAccountUsage'] as const) {
      expect(await once(issued, rpc, { accountId: 'acme', range: RANGE }, OWN)).toMatchObject({
        code: GrpcCode.PERMISSION_DENIED,
        message: 'the caller may not do this',
        reason: 'analytics.sms/PERMISSION_DENIED',
      });
    }
  });

  const unidentified: [string, string[]][] = [
    [
      'other case',
      ['spiffe://sms.example/ns/admin-dashboard/sa/admin-dashboard'.replace('sms', 'SMS')],
    ],
    ['upper-case scheme', ['SPIFFE://sms.example/ns/admin-dashboard/sa/admin-dashboard']],
    ['percent-encoding', ['spiffe://sms.example/ns/admin%2Ddashboard/sa/admin-dashboard']],
    ['a trailing slash', [`${ADMIN}/`]],
    ['a dotted segment', ['spiffe://sms.example/ns/x/../admin-dashboard/sa/admin-dashboard']],
    ['a port', ['spiffe://sms.example:1/ns/admin-dashboard/sa/admin-dashboard']],
    ['a query', [`${ADMIN}?x`]],
    ['two URIs', [ADMIN, STRANGER]],
    ['the same URI twice', [ADMIN, ADMIN]],
    ['a URI that quotes the admin', [`${STRANGER},URI:${ADMIN}`]],
    ['a URI that quotes the admin after a blank', [`${STRANGER}, URI:${ADMIN}`]],
    ['a URI that ends its quotes before the admin', [`${STRANGER}", URI:"${ADMIN}`]],
    ['a URI that escapes its quotes before the admin', [`${STRANGER}\\", URI:${ADMIN}`]],
    ['a quoted admin', [`"${ADMIN}"`]],
    ['an admin after a comma', [`,${ADMIN}`]],
    ['a URI that quotes the admin in XFCC form', [`${STRANGER},URI=${ADMIN}`]],
    ['a URI with line break', [`${ADMIN}\n`]],
    ['a web address', ['https://sms.example/ns/admin-dashboard/sa/admin-dashboard']],
    ['no URI', []],
  ];
  test.each(unidentified)('%s is not identified', async (_name, uris) => {
    const issued = await issue(api.authority, { commonName: ADMIN, uris });
    expect(await once(issued)).toMatchObject({
      code: GrpcCode.UNAUTHENTICATED,
      reason: 'analytics.sms/UNAUTHENTICATED',
    });
  });

  test.each([`URI:${ADMIN}`, `x, URI:${ADMIN}`, `x", URI:"${ADMIN}`])(
    'the DNS name %j that poses as the admin URI is not looked at',
    async (name) => {
      const issued = await issue(api.authority, { commonName: 'x', dns: [name] });
      expect((await once(issued)).code).toBe(GrpcCode.UNAUTHENTICATED);
    },
  );
});

test('customer-portal is denied each of the four admin rpcs', async () => {
  const portal = await issueCaller(api.authority, PORTAL);
  for (const rpc of ADMIN_ONLY) {
    // Denied before it is looked at: a wrong question gets no other answer.
    for (const request of [{ range: RANGE }, {}]) {
      const end = await once(portal, rpc, request, OWN);
      expect(end.code).toBe(GrpcCode.PERMISSION_DENIED);
      expect(end.violations).toBeUndefined();
    }
  }
  const own = await once(portal, 'getAccountUsage', { accountId: 'acme', range: RANGE }, OWN);
  expect(own).toMatchObject({ code: GrpcCode.OK, response: { counts: { accepted: 2n } } });
});

test('in tls mode the headers of sidecars change nothing', async () => {
  const stranger = await issueCaller(api.authority, STRANGER);
  const headers = {
    'x-forwarded-client-cert': `By=${ADMIN};URI=${ADMIN}`,
    'l5d-client-id':
      'admin-dashboard.admin-dashboard.serviceaccount.identity.linkerd.cluster.local',
  };
  expect((await once(stranger, 'getSummary', { range: RANGE }, headers)).code).toBe(
    GrpcCode.PERMISSION_DENIED,
  );
});

describe('other protocols get nothing', () => {
  test('a TLS 1.2 client is refused', async () => {
    const issued = await issueCaller(api.authority, ADMIN);
    await expect(handshake(issued, 'TLSv1.2')).rejects.toThrow(
      /alert protocol version|EPROTO|ECONNRESET/,
    );
    await expect(handshake(issued, 'TLSv1.3')).resolves.toBe('TLSv1.3');
  });

  test('plaintext to the TLS port is refused', async () => {
    const answer = await new Promise<Buffer>((resolve) => {
      const parts: Buffer[] = [];
      const socket = connectTcp(api.port, '127.0.0.1', () =>
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      );
      socket.on('data', (part) => parts.push(part));
      socket.on('error', () => {});
      socket.on('close', () => resolve(Buffer.concat(parts)));
    });
    expect(answer.toString('latin1')).not.toMatch(/HTTP|grpc/i);
  });

  test.each([
    ['HTTP/1.1', { ALPNProtocols: ['http/1.1'] }],
    ['no protocol at all (TLS without ALPN)', {}],
  ])('%s is turned away without a word', async (_, protocols) => {
    const issued = await issueCaller(api.authority, ADMIN);
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connectTls(
        {
          ...tlsOptionsFor(api, issued),
          ...protocols,
        },
        () =>
          socket.write(
            'POST /sms.analytics.v1.AnalyticsService/GetSummary HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\r\n',
          ),
      );
      socket.on('data', (part) => (text += part.toString('latin1')));
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
    expect(answer).toBe('');
  });

  test.each([
    ['POST', 'application/json', 415],
    ['POST', 'text/plain', 415],
    ['POST', 'application/grpc-web+proto', 415],
    ['POST', 'application/grpc-web', 415],
    ['POST', 'application/grpcfoo', 415],
    ['POST', 'application/grpc+json', 415],
    ['POST', undefined, 415],
    ['GET', 'application/grpc', 405],
    ['PUT', 'application/grpc+proto', 405],
  ])('%s of %s is turned away, and nothing is served', async (method, type, expected) => {
    const issued = await issueCaller(api.authority, ADMIN);
    const session = connectHttp2(`https://${api.target}`, {
      ca: api.authority.pem,
      ...issued,
    });
    try {
      const question = GetSummaryRequest.encode(GetSummaryRequest.fromPartial({ range: RANGE }));
      const message = Buffer.from(question.finish());
      const head = Buffer.from([0, 0, 0, 0, message.length]);
      const { headers, bytes } = await new Promise<{
        headers: Record<string, unknown>;
        bytes: number;
      }>((resolve, reject) => {
        const stream = session.request(
          {
            ':method': method,
            ':path': '/sms.analytics.v1.AnalyticsService/GetSummary',
            ...(type === undefined ? {} : { 'content-type': type }),
          },
          { endStream: false },
        );
        let headers = {};
        let bytes = 0;
        stream.on('response', (more) => (headers = { ...headers, ...more }));
        stream.on('trailers', (more) => (headers = { ...headers, ...more }));
        stream.on('data', (part) => (bytes += part.length));
        stream.on('error', reject);
        stream.on('close', () => resolve({ headers, bytes }));
        stream.end(Buffer.concat([head, message]));
      });
      expect(headers[':status']).toBe(expected);
      expect(headers['grpc-status']).toBeUndefined();
      expect(bytes).toBe(0);
    } finally {
      session.destroy();
    }
  });

  function handshake(issued: Issued, version: 'TLSv1.2' | 'TLSv1.3'): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const socket = connectTls(
        {
          ...tlsOptionsFor(api, issued),
          minVersion: version,
          maxVersion: version,
          ALPNProtocols: ['h2'],
        },
        () => {
          resolve(socket.getProtocol());
          socket.destroy();
        },
      );
      socket.on('error', reject);
    });
  }
});

test('every denial is on record, by caller, method and reason', async () => {
  const denials = await api.endedWithDenials();
  const of = (actor: string) => denials.filter((denial) => denial.actor === actor);
  const kinds = (actor: string) => [...new Set(of(actor).map(({ reason }) => reason))].sort();
  const count = (actor: string) => of(actor).reduce((sum, { occurrences }) => sum + occurrences, 0);
  expect(kinds('customer-portal')).toEqual(['METHOD_NOT_ALLOWED']);
  expect(new Set(of('customer-portal').map(({ action }) => action)).size).toBe(4);
  expect(count('customer-portal')).toBe(8);
  for (const actor of [OPS, ETL]) {
    expect(kinds(actor)).toEqual(['CALLER_NOT_LISTED']);
    expect(count(actor)).toBe(5);
  }
  expect(of('admin-dashboard')).toEqual([]);
  expect(kinds('unidentified').length).toBeGreaterThan(0);
});

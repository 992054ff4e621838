// Attacks 1-5 and 8 on the real server over real TLS: who is let in, and as whom.

import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  call,
  clientFor,
  type RpcName,
  startTestServer,
  type TestServer,
} from '../../support/api-server.js';
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

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const ADMIN_ONLY: RpcName[] = [
  'getSummary',
  'getOperatorPerformance',
  'getThroughput',
  'getDeliveryBreakdown',
];

async function once(
  issued: Issued | undefined,
  rpc: RpcName = 'getSummary',
  request = {},
  headers = {},
) {
  const client = clientFor(server, issued);
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
        issue(server.authority, {
          commonName: 'x',
          uris,
          notBefore: new Date(Date.now() - 2 * DAY),
          notAfter: new Date(Date.now() - DAY),
        }),
    ],
    [
      'not yet valid',
      () =>
        issue(server.authority, {
          commonName: 'x',
          uris,
          notBefore: new Date(Date.now() + DAY),
          notAfter: new Date(Date.now() + 2 * DAY),
        }),
    ],
    [
      'extended key usage of a server',
      () => issue(server.authority, { commonName: 'x', uris, usages: ['server'] }),
    ],
  ];
  test.each(attempts)('%s', async (_name, make) => {
    const end = await once(await make());
    expect([GrpcCode.UNAVAILABLE, GrpcCode.DEADLINE_EXCEEDED]).toContain(end.code);
  });
});

test('the right certificate is served', async () => {
  const end = await once(await issueCaller(server.authority, ADMIN));
  expect(end).toMatchObject({ code: GrpcCode.OK, response: { activeAccounts: 7n } });
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
    const issued = await issue(server.authority, { commonName: 'x', uris });
    for (const rpc of [...ADMIN_ONLY, 'getAccountUsage'] as const) {
      expect(await once(issued, rpc, { accountId: 'a' }, { 'x-account-id': 'a' })).toMatchObject({
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
    ['a URI that quotes the admin in XFCC form', [`${STRANGER},URI=${ADMIN}`]],
    ['a URI with line break', [`${ADMIN}\n`]],
    ['a web address', ['https://sms.example/ns/admin-dashboard/sa/admin-dashboard']],
    ['no URI', []],
  ];
  test.each(unidentified)('%s is not identified', async (_name, uris) => {
    const issued = await issue(server.authority, { commonName: ADMIN, uris });
    expect(await once(issued)).toMatchObject({
      code: GrpcCode.UNAUTHENTICATED,
      reason: 'analytics.sms/UNAUTHENTICATED',
    });
  });

  test('a DNS name that poses as the admin URI is not looked at', async () => {
    const issued = await issue(server.authority, { commonName: 'x', dns: [`URI:${ADMIN}`] });
    expect((await once(issued)).code).toBe(GrpcCode.UNAUTHENTICATED);
  });
});

test('customer-portal is denied each of the four admin rpcs, and it is audited', async () => {
  const portal = await issueCaller(server.authority, PORTAL);
  for (const rpc of ADMIN_ONLY) {
    const end = await once(portal, rpc, {}, { 'x-account-id': 'a' });
    expect(end.code).toBe(GrpcCode.PERMISSION_DENIED);
  }
  await server.flushDenials();
  expect(server.denials.filter((row) => row.caller === 'customer-portal')).toHaveLength(4);
});

test('in tls mode the headers of sidecars change nothing', async () => {
  const stranger = await issueCaller(server.authority, STRANGER);
  const headers = {
    'x-forwarded-client-cert': `By=${ADMIN};URI=${ADMIN}`,
    'l5d-client-id':
      'admin-dashboard.admin-dashboard.serviceaccount.identity.linkerd.cluster.local',
  };
  expect((await once(stranger, 'getSummary', {}, headers)).code).toBe(GrpcCode.PERMISSION_DENIED);
});

describe('other protocols get nothing', () => {
  const port = () => server.server.port;

  test('a TLS 1.2 client is refused', async () => {
    const issued = await issueCaller(server.authority, ADMIN);
    await expect(handshake(issued, 'TLSv1.2')).rejects.toThrow(
      /alert protocol version|EPROTO|ECONNRESET/,
    );
    await expect(handshake(issued, 'TLSv1.3')).resolves.toBe('TLSv1.3');
  });

  test('plaintext to the TLS port is refused', async () => {
    const answer = await new Promise<Buffer>((resolve) => {
      const parts: Buffer[] = [];
      const socket = connectTcp(port(), '127.0.0.1', () =>
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      );
      socket.on('data', (part) => parts.push(part));
      socket.on('error', () => {});
      socket.on('close', () => resolve(Buffer.concat(parts)));
    });
    expect(answer.toString('latin1')).not.toMatch(/HTTP|grpc/i);
  });

  test('HTTP/1.1 is turned away', async () => {
    const issued = await issueCaller(server.authority, ADMIN);
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connectTls(
        {
          port: port(),
          host: '127.0.0.1',
          servername: 'localhost',
          ca: server.authority.pem,
          ...issued,
          ALPNProtocols: ['http/1.1'],
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
    expect(answer).not.toMatch(/ 200 /);
    expect(answer).not.toMatch(/grpc-status/);
  });

  test('plain HTTP/2 is turned away, and gRPC-Web gets no gRPC-Web answer', async () => {
    const issued = await issueCaller(server.authority, ADMIN);
    const session = connectHttp2(`https://localhost:${port()}`, {
      ca: server.authority.pem,
      ...issued,
    });
    try {
      for (const type of ['application/json', 'text/plain', 'application/grpc-web+proto']) {
        const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
          const stream = session.request({
            ':method': 'POST',
            ':path': '/sms.analytics.v1.AnalyticsService/GetSummary',
            'content-type': type,
          });
          stream.on('response', resolve);
          stream.on('error', reject);
          stream.end(Buffer.alloc(5));
          stream.resume();
        });
        // grpc-js takes grpc-web's name for its own, and answers in plain gRPC, which no gRPC-Web client understands.
        if (type.startsWith('application/grpc'))
          expect(headers['content-type']).toBe('application/grpc+proto');
        else expect(headers[':status']).toBe(415);
      }
    } finally {
      session.destroy();
    }
  });

  function handshake(issued: Issued, version: 'TLSv1.2' | 'TLSv1.3'): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const socket = connectTls(
        {
          port: port(),
          host: '127.0.0.1',
          servername: 'localhost',
          ca: server.authority.pem,
          ...issued,
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

// Attacks 15-17 and 19 on the real port: malformed and oversize requests, leaks, log injection, half-sent and flooding
// connections. After each the server still answers an honest caller.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Status } from '../../../src/generated/proto/google/rpc/status.js';
import {
  type AnalyticsServiceClient,
  GetSummaryRequest,
  GetSummaryResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import type { QueryContext } from '../../../src/query/context.js';
import { call, clientFor, startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';

const PATH = '/sms.analytics.v1.AnalyticsService/GetSummary';
let server: TestServer;
let issued: Issued;
let client: AnalyticsServiceClient;
let session: ClientHttp2Session;
let answer: (context: QueryContext) => Promise<GetSummaryResponse>;
const good = async () => GetSummaryResponse.fromPartial({});

beforeAll(async () => {
  server = await startTestServer({
    deadlineCapMs: 700,
    queries: { getSummary: (_request, context) => answer(context) },
  });
  issued = await issueCaller(server.authority, ADMIN);
  client = clientFor(server, issued);
  session = newSession();
});
afterEach(async () => {
  answer = good;
  expect(await call(client, 'getSummary')).toMatchObject({ code: GrpcCode.OK });
});
afterAll(async () => {
  client.close();
  session.destroy();
  await server.stop();
});

function newSession(): ClientHttp2Session {
  const opened = connect(`https://${server.target}`, { ca: server.authority.pem, ...issued });
  opened.on('error', () => {});
  return opened;
}

interface End {
  readonly code: string | undefined;
  readonly message: string;
  readonly details: Buffer | undefined;
}

/** Sends these bytes as the request stream, and ends it unless told to hang. */
function send(bytes: Buffer, headers: Record<string, string> = {}, hang = false): Promise<End> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let seen: Record<string, unknown> = {};
    stream.on('response', (more) => (seen = { ...seen, ...more }));
    stream.on('trailers', (more) => (seen = { ...seen, ...more }));
    stream.on('error', () => {});
    stream.on('close', () => {
      const bin = seen['grpc-status-details-bin'];
      resolve({
        code: seen['grpc-status'] as string | undefined,
        message: decodeURI(String(seen['grpc-message'] ?? '')),
        details: bin === undefined ? undefined : Buffer.from(String(bin), 'base64'),
      });
    });
    stream.resume();
    if (hang) stream.write(bytes);
    else stream.end(bytes);
  });
}

function frame(body: Uint8Array, { compressed = 0, length = body.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

const INVALID = String(GrpcCode.INVALID_ARGUMENT);
const EXHAUSTED = String(GrpcCode.RESOURCE_EXHAUSTED);

describe('a malformed request is a client error, never INTERNAL', () => {
  const whole = Buffer.from(
    GetSummaryRequest.encode(
      GetSummaryRequest.fromPartial({
        range: { start: '2026-11-01', end: '2026-11-02' },
        timeZone: 'UTC',
      }),
    ).finish(),
  );
  test.each([
    ['truncated', whole.subarray(0, whole.length - 2)],
    ['a wrong wire type', Buffer.from([0x0d, 1, 2])],
    ['an invalid tag', Buffer.from([0x00, 0x01])],
    ['an unknown group that never ends', Buffer.from([0x7b])],
    ['deep nesting', Buffer.alloc(100_000, 0x7b)],
    ['invalid UTF-8', Buffer.from([0x12, 0x02, 0xc3, 0x28])],
    ['a length beyond the end', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  ])('%s', async (_name, body) => {
    answer = () => Promise.reject(new Error('must not be reached'));
    const end = await send(frame(body));
    expect(end.code).toBe(INVALID);
    expect(Status.decode(end.details ?? Buffer.alloc(0)).details).toHaveLength(1);
  });

  test('a broken gzip stream', async () => {
    const end = await send(frame(Buffer.from('no gzip'), { compressed: 1 }), {
      'grpc-encoding': 'gzip',
    });
    expect(end.code).toBe(INVALID);
  });

  test('a broken time-out header', async () => {
    expect((await send(frame(Buffer.alloc(0)), { 'grpc-timeout': 'soon' })).code).toBe(INVALID);
  });
});

describe('what is too large is refused without being held', () => {
  test('a frame that declares 2 GiB', async () => {
    const before = process.memoryUsage().rss;
    const end = await send(frame(Buffer.alloc(10), { length: 2 ** 31 }), {}, true);
    expect(end.code).toBe(EXHAUSTED);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  });

  test('a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    expect(bomb.length).toBeLessThan(100_000);
    const end = await send(frame(bomb, { compressed: 1 }), { 'grpc-encoding': 'gzip' });
    expect(end.code).toBe(EXHAUSTED);
  });
});

test('an error of ours leaves with a correlation id, and without SQL, host or stack', async () => {
  answer = () =>
    Promise.reject(
      Object.assign(new Error('SELECT 1 FROM ledger at 10.1.2.3'), { code: 5, detail: 'x' }),
    );
  const end = await call(client, 'getSummary');
  expect(end).toMatchObject({ code: GrpcCode.INTERNAL, reason: 'analytics.sms/INTERNAL' });
  expect(JSON.stringify(end)).not.toMatch(/SELECT|ledger|10\.1|\bat \//);
  const line = server.logLines.find(
    (text) => text.includes(end.correlationId ?? '-') && text.includes('call failed'),
  );
  expect(line).toBeDefined();
});

test('line breaks and escapes in any header or field stay one JSON line of ASCII', async () => {
  server.logLines.length = 0;
  await call(
    client,
    'getSummary',
    { timeZone: 'a\r\n{"level":"fatal"}\u001b[2J', pageToken: '\u0000' },
    { traceparent: 'x"\\' },
  );
  const span = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await call(client, 'getSummary', {}, { traceparent: span });
  for (const line of server.logLines) expect(line).toMatch(/^[\x20-\x7e]+\n$/);
  const records = server.logLines.map((line) => JSON.parse(line));
  expect(records.map((record) => record.traceId)).toEqual([
    undefined,
    '0af7651916cd43dd8448eb211c80319c',
  ]);
  expect(records[0]).toMatchObject({
    msg: 'call',
    code: 'OK',
    caller: 'admin-dashboard',
    method: PATH.slice(1),
  });
  expect(server.logLines.join('')).not.toMatch(/fatal|2J/);
});

describe('deadlines', () => {
  const never = ({ signal }: QueryContext) =>
    new Promise<GetSummaryResponse>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
    );

  test('without a deadline of the caller the cap of the server ends the call, with details', async () => {
    answer = never;
    const end = await send(frame(Buffer.alloc(0)));
    expect(end.code).toBe(String(GrpcCode.DEADLINE_EXCEEDED));
    expect(end.details).toBeDefined();
  });

  test('the use case learns the nearer of the two deadlines', async () => {
    const left: number[] = [];
    answer = async ({ deadline }) => {
      left.push(((deadline ?? 0) - Date.now() * 1000) / 1000);
      return good();
    };
    await call(client, 'getSummary', {}, {}, 60_000);
    await call(client, 'getSummary', {}, {}, 300);
    expect(left[0]).toBeGreaterThan(left[1] ?? 0);
    expect(left[0]).toBeLessThanOrEqual(701);
    expect(left[1]).toBeLessThanOrEqual(301);
  });

  test('a call is counted once, whatever its end', async () => {
    const count = async () => {
      const text = await server.registry.metrics();
      const sum = (name: string) =>
        [...text.matchAll(new RegExp(`^${name}\\{[^}]*GetSummary[^}]*\\} (\\d+)`, 'gm'))].reduce(
          (total, match) => total + Number(match[1]),
          0,
        );
      return [sum('grpc_server_started_total'), sum('grpc_server_handled_total')];
    };
    answer = never;
    await Promise.all([
      call(client, 'getSummary', {}, {}, 50),
      send(frame(Buffer.from([0x0d]))),
      send(Buffer.from([9, 9, 9]), {}, true),
    ]);
    const [started, handled] = await count();
    expect(handled).toBe(started);
  });
});

describe('connections that misbehave are closed', () => {
  test('a stream whose request never ends gets the deadline cap, and is closed', async () => {
    const started = Date.now();
    const end = await send(Buffer.alloc(3), {}, true);
    expect(end.code).toBe(String(GrpcCode.DEADLINE_EXCEEDED));
    expect(Date.now() - started).toBeLessThan(30_000);
  });

  test('a denied stream that stays half open is closed', async () => {
    const started = Date.now();
    const end = await send(Buffer.alloc(1), { ':path': '/grpc.health.v1.Health/List' }, true);
    expect(end.code).toBe(String(GrpcCode.PERMISSION_DENIED));
    expect(Date.now() - started).toBeLessThan(30_000);
  });

  test('too large headers are refused', async () => {
    expect(
      (await send(frame(Buffer.alloc(0)), { 'x-fill': 'x'.repeat(60_000) })).code,
    ).toBeUndefined();
  });

  test.each([
    ['pings', Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])],
    ['settings', Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 255, 255])],
  ])('a flood of %s, with or without reading the answers', async (_name, one) => {
    const before = process.memoryUsage().rss;
    const closed = (await flood(() => one, false)) && (await flood(() => one, true));
    expect(closed).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
  });

  test('a flood of streams that are reset at once', async () => {
    const flooding = newSession();
    const closed = new Promise<boolean>((resolve) => {
      flooding.once('close', () => resolve(true));
      setTimeout(() => resolve(false), 20_000).unref();
    });
    let going = true;
    void closed.then(() => {
      going = false;
    });
    while (going) {
      for (let n = 0; n < 100 && !flooding.destroyed && !flooding.closed; n++) {
        const stream: ClientHttp2Stream = flooding.request({
          ':method': 'POST',
          ':path': PATH,
          'content-type': 'application/grpc',
        });
        stream.on('error', () => {});
        stream.close(8);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    flooding.destroy();
    expect(await closed).toBe(true);
  });

  /** Writes frames as fast as the socket takes them; whether the server closed within 20 s. */
  function flood(next: () => Buffer, reading: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const many = Buffer.concat(Array.from({ length: 500 }, next));
      const timer = setTimeout(() => finish(false), 20_000);
      const socket: TLSSocket = connectTls(
        {
          port: server.server.port,
          host: '127.0.0.1',
          servername: 'localhost',
          ca: server.authority.pem,
          ...issued,
          ALPNProtocols: ['h2'],
        },
        () => {
          socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
          socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
          if (reading) socket.resume();
          else socket.pause();
          pour();
        },
      );
      const pour = () => {
        if (socket.destroyed) return;
        if (socket.write(many)) setImmediate(pour);
        else socket.once('drain', pour);
      };
      const finish = (closed: boolean) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(closed);
      };
      socket.on('error', () => finish(true));
      socket.on('close', () => finish(true));
    });
  }
});

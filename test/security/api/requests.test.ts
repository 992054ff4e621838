// Attacks 15, 17, 18 and 19 on the api process: malformed and oversize requests, log injection,
// deadlines over a Postgres that does not answer, half-sent and flooding connections. After each
// the process still answers an honest caller.

import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { status as GrpcCode } from '@grpc/grpc-js';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Status } from '../../../src/generated/proto/google/rpc/status.js';
import {
  type AnalyticsServiceClient,
  GetSummaryRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  type ApiProcess,
  RANGE,
  startApiProcess,
  tlsOptionsFor,
} from '../../support/api-process.js';
import { call, clientFor } from '../../support/api-server.js';
import { framed } from '../../support/grpc-frame.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';
import { dayOf } from './wrong-questions.js';

const PATH = '/sms.analytics.v1.AnalyticsService/GetSummary';
/** The longest that a call may take here; every answer is made anew. */
const CAP_MS = 3_000;
const patient = { timeout: 30_000, interval: 20 };
let api: ApiProcess;
let issued: Issued;
let client: AnalyticsServiceClient;
let session: ClientHttp2Session;

beforeAll(async () => {
  api = await startApiProcess({ DEADLINE_CAP_MS: String(CAP_MS), ANSWER_CACHE_ENTRIES: '0' });
  issued = await issueCaller(api.authority, ADMIN);
  client = clientFor(api, issued);
  session = newSession();
  openSilentConnections();
});
/**
 * The process lives on. A busy machine may need more than the cap for the first answer after an
 * attack.
 */
afterEach(() =>
  expect
    .poll(() => call(client, 'getSummary', { range: RANGE }), patient)
    .toMatchObject({ code: GrpcCode.OK, response: { counts: { accepted: 3n } } }),
);
afterAll(async () => {
  client?.close();
  session?.destroy();
  await api?.close();
});

function newSession(): ClientHttp2Session {
  const opened = connect(`https://${api.target}`, tlsOptionsFor(api, issued));
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
    const end = await send(framed(body));
    expect(end.code).toBe(INVALID);
    expect(Status.decode(end.details ?? Buffer.alloc(0)).details).toHaveLength(1);
  });

  test('a broken gzip stream', async () => {
    const end = await send(framed(Buffer.from('no gzip'), { compressed: 1 }), {
      'grpc-encoding': 'gzip',
    });
    expect(end.code).toBe(INVALID);
  });

  test.each([
    ['no message', Buffer.alloc(0)],
    ['two messages', Buffer.concat([framed(whole), framed(whole)])],
  ])('%s', async (_name, bytes) => {
    const end = await send(bytes);
    expect(end.code).toBe(INVALID);
    const status = Status.decode(end.details ?? Buffer.alloc(0));
    expect(status.details).toHaveLength(1);
    expect(end.message).toBe('the request is not a well-formed message of this method');
  });

  test('a broken time-out header', async () => {
    expect((await send(framed(Buffer.alloc(0)), { 'grpc-timeout': 'soon' })).code).toBe(INVALID);
  });
});

/** What the process holds in memory. */
const memoryBytes = () => api.metric('process_resident_memory_bytes');

describe('what is too large is refused without being held', () => {
  test('a frame that declares 2 GiB', async () => {
    const before = await memoryBytes();
    const end = await send(framed(Buffer.alloc(10), { length: 2 ** 31 }), {}, true);
    expect(end.code).toBe(EXHAUSTED);
    expect((await memoryBytes()) - before).toBeLessThan(200 * 2 ** 20);
  });

  test('a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    expect(bomb.length).toBeLessThan(100_000);
    const before = await memoryBytes();
    const bombs = Array.from({ length: 8 }, () =>
      send(framed(bomb, { compressed: 1 }), { 'grpc-encoding': 'gzip' }),
    );
    for (const end of await Promise.all(bombs)) expect(end.code).toBe(EXHAUSTED);
    expect((await memoryBytes()) - before).toBeLessThan(200 * 2 ** 20);
  });
});

test('line breaks and escapes in any header or field stay one JSON line of ASCII', async () => {
  const before = api.logLines().length;
  const calls = () =>
    api
      .logLines()
      .slice(before)
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'call');
  const evil = 'a\r\n{"level":"fatal"}\u001b[2J';
  const question = { range: RANGE, timeZone: evil, pageToken: '\u0000', operatorId: evil };
  const wrong = await call(client, 'getOperatorPerformance', question, { traceparent: 'x"\\' });
  expect(wrong.code).toBe(GrpcCode.INVALID_ARGUMENT);
  const span = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await call(client, 'getSummary', { range: RANGE }, { traceparent: span });
  await expect.poll(() => calls().length, patient).toBe(2);
  const [first, second] = calls();
  expect(first).toMatchObject({ code: 'INVALID_ARGUMENT', caller: 'admin-dashboard' });
  expect(first.traceId).toBeUndefined();
  expect(second).toMatchObject({
    code: 'OK',
    caller: 'admin-dashboard',
    method: PATH.slice(1),
    traceId: '0af7651916cd43dd8448eb211c80319c',
  });
  const lines = api.logLines().slice(before);
  for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]+$/);
  expect(lines.join('')).not.toMatch(/fatal|2J/);
});

describe('deadlines, while a table that the question needs is locked', () => {
  // Of days that nobody has asked for: what is remembered needs no table.
  const range = { start: dayOf(-60), end: dayOf(-59) };
  const body = GetSummaryRequest.encode(GetSummaryRequest.fromPartial({ range })).finish();
  let locker: pg.Client;
  beforeEach(async () => {
    locker = new pg.Client({ connectionString: api.site.site.databaseUrl });
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE money_sum IN ACCESS EXCLUSIVE MODE');
  });
  // Before the honest call that ends every test.
  afterEach(async () => {
    await locker.query('ROLLBACK');
    await locker.end();
  });

  const waitingInPostgres = async () => {
    const { rows } = await api.site.database.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'sms-analytics-api%' AND wait_event_type = 'Lock'`,
    );
    return rows.length;
  };

  test('without a deadline of the caller the cap of the server ends the call, with details', async () => {
    const started = Date.now();
    const ending = send(framed(body));
    await expect.poll(waitingInPostgres, patient).toBe(1);
    const end = await ending;
    expect(end.code).toBe(String(GrpcCode.DEADLINE_EXCEEDED));
    expect(end.details).toBeDefined();
    expect(Date.now() - started).toBeLessThan(CAP_MS + 30_000);
    await expect.poll(waitingInPostgres, patient).toBe(0);
  });

  test('of the two deadlines the nearer holds, and the statement ends with it', async () => {
    const before = api.logLines().length;
    const left = () =>
      api
        .logLines()
        .slice(before)
        .map((line) => JSON.parse(line))
        .flatMap(({ msg, deadlineMs }) => (msg === 'call' ? [deadlineMs] : []));
    for (const deadlineMs of [60_000, 700]) {
      const end = await call(client, 'getSummary', { range }, {}, deadlineMs);
      expect(end.code).toBe(GrpcCode.DEADLINE_EXCEEDED);
    }
    await expect.poll(waitingInPostgres, patient).toBe(0);
    await expect.poll(() => left().length, patient).toBe(2);
    const [long, short] = left();
    expect(long).toBe(CAP_MS);
    expect(short).toBeLessThanOrEqual(701);
  });

  test('a call is counted once, whatever its end', async () => {
    const counts = async () => [
      await api.metric('grpc_server_started_total', /GetSummary/),
      await api.metric('grpc_server_handled_total', /GetSummary/),
    ];
    const [before] = await counts();
    await Promise.all([
      call(client, 'getSummary', { range }, {}, 300),
      send(framed(Buffer.from([0x0d]))),
      send(Buffer.from([9, 9, 9]), {}, true),
    ]);
    const expected = (before ?? 0) + 3;
    await expect.poll(counts, patient).toEqual([expected, expected]);
  });
});

/**
 * Connections that go silent, opened before everything else, since the bounds on silence are long;
 * each tells its end.
 */
const silent: Promise<string>[] = [];
function openSilentConnections() {
  const ended = (what: string, socket: Socket) => {
    socket.on('error', () => {}).resume();
    silent.push(new Promise((resolve) => socket.once('close', () => resolve(what))));
    return socket;
  };
  ended('no handshake', connectTcp(api.port, '127.0.0.1'));
  ended('no preface', connectTls({ ...tlsOptionsFor(api, issued), ALPNProtocols: ['h2'] }));
  // HEADERS of stream 1 without END_HEADERS: a first byte of them, and never the rest.
  const opening = ended(
    'half a header',
    connectTls({ ...tlsOptionsFor(api, issued), ALPNProtocols: ['h2'] }),
  );
  opening.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  opening.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  opening.write(Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83]));
}

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
      (await send(framed(Buffer.alloc(0)), { 'x-fill': 'x'.repeat(60_000) })).code,
    ).toBeUndefined();
  });

  test.each([
    ['pings', Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])],
    ['settings', Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 255, 255])],
  ])(
    'a flood of %s, at once or steady, with or without reading the answers',
    async (_name, one) => {
      const before = await memoryBytes();
      const closed = (await flood(one, 'unread')) && (await flood(one, 'read'));
      expect(closed).toBe(true);
      expect((await memoryBytes()) - before).toBeLessThan(300 * 2 ** 20);
      // Slow enough for HTTP/2's own bounds, and still far more than an honest client sends.
      expect(await flood(one, 'steady')).toBe(true);
      expect(api.logLines().join('')).toContain('connection closed: it floods control frames');
    },
  );

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

  test('a handshake, a preface or headers that never come end the connection', async () => {
    expect(await Promise.all(silent)).toEqual(['no handshake', 'no preface', 'half a header']);
  }, 90_000);

  /**
   * Writes frames as fast as the socket takes them, or steadily 1,000 a second; whether the server
   * closed within 20 s.
   */
  function flood(one: Buffer, way: 'unread' | 'read' | 'steady'): Promise<boolean> {
    return new Promise((resolve) => {
      const many = Buffer.concat(Array.from({ length: way === 'steady' ? 20 : 500 }, () => one));
      const timer = setTimeout(() => finish(false), 20_000);
      const socket: TLSSocket = connectTls(
        { ...tlsOptionsFor(api, issued), ALPNProtocols: ['h2'] },
        () => {
          socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
          socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
          if (way === 'unread') socket.pause();
          else socket.resume();
          pour();
        },
      );
      const pour = () => {
        if (socket.destroyed) return;
        if (!socket.write(many)) socket.once('drain', pour);
        else if (way === 'steady') setTimeout(pour, 20);
        else setImmediate(pour);
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

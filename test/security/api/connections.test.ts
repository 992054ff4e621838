// Attacks 8 and 19 on the api process, byte by byte: a connection that HTTP/2 gives up or that
// resets its calls in a flood is closed and not only told so, a client without HTTP/2 gets no
// answer, and an honest connection stays. After each attack the process still answers an honest
// caller.
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
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
import { frame, frameTypes, grpcHeaders, PREFACE, resetCall } from '../../support/http2-frames.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';

const PATH = '/sms.analytics.v1.AnalyticsService/GetSummary';
const QUESTION = GetSummaryRequest.encode(GetSummaryRequest.fromPartial({ range: RANGE })).finish();
const GOAWAY = 7;
/** Long for a busy machine, and well before the keepalive of 30 seconds would end a connection. */
const PATIENCE_MS = 20_000;

let api: ApiProcess;
let issued: Issued;
let client: AnalyticsServiceClient;

beforeAll(async () => {
  api = await startApiProcess();
  issued = await issueCaller(api.authority, ADMIN);
  client = clientFor(api, issued);
});
const honestAnswer = () => call(client, 'getSummary', { range: RANGE });
const answered = { code: GrpcCode.OK, response: { counts: { accepted: 3n } } };
afterEach(() =>
  expect.poll(honestAnswer, { timeout: 30_000, interval: 20 }).toMatchObject(answered),
);
afterAll(async () => {
  client?.close();
  await api?.close();
});

/** A TLS connection on which a test says everything itself. */
function open(protocols: readonly string[] = ['h2']) {
  const socket: TLSSocket = connectTls({
    ...tlsOptionsFor(api, issued),
    ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
  });
  const chunks: Buffer[] = [];
  socket.on('error', () => {});
  socket.on('data', (chunk) => chunks.push(chunk));
  const closed = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), PATIENCE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
  return { socket, closed, received: () => Buffer.concat(chunks) };
}

describe('a connection is closed', () => {
  test.each([
    ['DATA on a stream that is not open', [frame({ type: 0, stream: 5 })]],
    ['a frame that is too large', [frame({ type: 4, body: Buffer.alloc(20_004) })]],
    ['headers that do not decode', [frame({ type: 1, flags: 4, stream: 1, body: badFields() })]],
    ['a ping of seven bytes', [frame({ type: 6, body: Buffer.alloc(7) })]],
    ['the rest of headers that did not begin', [frame({ type: 9, flags: 4, stream: 1 })]],
    ['another frame within headers', [frame({ type: 1, stream: 1 }), frame({ type: 6 })]],
    ['headers without end', endlessHeaders()],
  ])('after GOAWAY, sent for %s', async (_name, frames) => {
    const { socket, closed, received } = open();
    socket.write(Buffer.concat([PREFACE, ...frames]));
    expect(await closed).toBe(true);
    expect(frameTypes(received())).toContain(GOAWAY);
  });

  test('that resets its calls as fast as it can, and others are answered meanwhile', async () => {
    const { socket, closed } = open();
    let stream = 1;
    let isOver = false;
    socket.write(PREFACE);
    const pour = () => {
      if (socket.destroyed || isOver) return;
      const calls = Array.from({ length: 100 }, () => {
        stream += 2;
        return resetCall(stream, PATH);
      });
      if (socket.write(Buffer.concat(calls))) setImmediate(pour);
      else socket.once('drain', pour);
    };
    pour();
    const others = Array.from({ length: 20 }, honestAnswer);
    expect(await closed).toBe(true);
    isOver = true;
    for (const end of await Promise.all(others)) expect(end).toMatchObject(answered);
    expect(api.logLines().join('')).toContain('connection closed: it resets too many streams');
  });

  test('without an answer where TLS agrees on no protocol', async () => {
    const { socket, closed, received } = open([]);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await closed).toBe(true);
    expect(received().toString()).toBe('');
  });
});

test('a connection that is silent between its calls stays open', async () => {
  const { socket, received } = open();
  const ask = (stream: number) =>
    Buffer.concat([
      grpcHeaders(stream, PATH),
      frame({ type: 0, flags: 1, stream, body: framed(QUESTION) }),
    ]);
  const answers = () => frameTypes(received()).filter((type) => type === 0).length;
  socket.write(Buffer.concat([PREFACE, ask(1)]));
  await expect.poll(answers, { timeout: PATIENCE_MS }).toBe(1);
  // It answers no ping either.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(socket.destroyed).toBe(false);
  socket.write(ask(3));
  await expect.poll(answers, { timeout: PATIENCE_MS }).toBe(2);
  socket.destroy();
});

/** An index beyond every table. */
function badFields(): Buffer {
  return Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
}

/** One field of 80 KB, of which HTTP/2 reads 64 KiB. */
function endlessHeaders(): Buffer[] {
  const start = Buffer.from([0x00, 0x01, 0x78, 0x7f, 0x81, 0xf0, 0x04]);
  const fill = Buffer.alloc(16_000, 'y');
  return [
    frame({ type: 1, stream: 1, body: start }),
    ...Array.from({ length: 5 }, () => frame({ type: 9, stream: 1, body: fill })),
  ];
}

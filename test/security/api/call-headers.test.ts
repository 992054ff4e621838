// Attack 15 on the api process: headers beyond their bound, time-outs and flags that gRPC does not
// have are refused, and a call whose time is over gets no part of an answer. After each the process
// still answers an honest caller.
import { type ClientHttp2Session, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GetSummaryRequest } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  type ApiProcess,
  RANGE,
  startApiProcess,
  tlsOptionsFor,
} from '../../support/api-process.js';
import { framed } from '../../support/grpc-frame.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';

const PATH = '/sms.analytics.v1.AnalyticsService/GetSummary';
const QUESTION = GetSummaryRequest.encode(GetSummaryRequest.fromPartial({ range: RANGE })).finish();
const INVALID = String(GrpcCode.INVALID_ARGUMENT);

let api: ApiProcess;
let issued: Issued;
let session: ClientHttp2Session;

beforeAll(async () => {
  api = await startApiProcess();
  issued = await issueCaller(api.authority, ADMIN);
  session = newSession();
  // Remembered from now on, so that it is there before any timer.
  expect(await send({})).toMatchObject({ code: '0' });
});
afterEach(async () => {
  expect(await send({})).toMatchObject({ httpStatus: 200, code: '0' });
});
afterAll(async () => {
  session?.destroy();
  await api?.close();
});

function newSession(): ClientHttp2Session {
  const opened = connect(`https://${api.target}`, tlsOptionsFor(api, issued));
  opened.on('error', () => {});
  return opened;
}

interface End {
  readonly httpStatus: number | undefined;
  readonly code: string | undefined;
  readonly bytes: number;
}

function send(
  headers: Record<string, string>,
  bytes = framed(QUESTION),
  on = session,
): Promise<End> {
  return new Promise((resolve) => {
    const fixed = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' };
    const stream = on.request({ ...fixed, te: 'trailers', ...headers });
    let seen: Record<string, unknown> = {};
    let length = 0;
    stream.on('response', (more) => (seen = { ...seen, ...more }));
    stream.on('trailers', (more) => (seen = { ...seen, ...more }));
    stream.on('data', (chunk: Buffer) => (length += chunk.length));
    stream.on('error', () => {});
    stream.on('close', () =>
      resolve({
        httpStatus: seen[':status'] as number | undefined,
        code: seen['grpc-status'] as string | undefined,
        bytes: length,
      }),
    );
    stream.end(bytes);
  });
}

describe('headers', () => {
  // Before its client has acknowledged the settings, Node holds a connection to no bound.
  const sendFirst = async (headers: Record<string, string>) => {
    const fresh = newSession();
    const end = await send(headers, framed(QUESTION), fresh);
    fresh.destroy();
    return end;
  };
  const fill = (kib: number) => ({ 'x-fill': 'x'.repeat(kib * 1024) });

  test.each([1, 31])('of %i KiB are served', async (kib) => {
    expect(await sendFirst(fill(kib))).toMatchObject({ code: '0' });
    expect(await send(fill(kib))).toMatchObject({ code: '0' });
  });

  test.each([33, 48, 60])('of %i KiB are refused', async (kib) => {
    const refused = { httpStatus: 431, code: undefined, bytes: 0 };
    expect(await sendFirst(fill(kib))).toEqual(refused);
    expect(await send(fill(kib))).toMatchObject({ code: undefined, bytes: 0 });
  });

  test('of 33 KiB are refused also in many fields', async () => {
    const fields = Array.from({ length: 33 }, (_, at) => [`x-${at}`, 'y'.repeat(1024)]);
    expect(await sendFirst(Object.fromEntries(fields))).toMatchObject({ httpStatus: 431 });
  });
});

describe('grpc-timeout', () => {
  test.each(['0n', '1n', '0S', '00000000H'])('%s gets no byte of an answer', async (timeout) => {
    expect(await send({ 'grpc-timeout': timeout })).toEqual({
      httpStatus: 200,
      code: String(GrpcCode.DEADLINE_EXCEEDED),
      bytes: 0,
    });
  });

  test.each(['100000000H', '000000001S', '1 S', '-1S', 'x1S', '1Sx', '1S, 2S', '1.5S', 'S', '5'])(
    '%s is malformed',
    async (timeout) => {
      expect(await send({ 'grpc-timeout': timeout })).toMatchObject({ code: INVALID, bytes: 0 });
    },
  );

  test.each(['99999999H', '1000H', '99999999S', '20000000u'])('%s is served', async (timeout) => {
    expect(await send({ 'grpc-timeout': timeout })).toMatchObject({ code: '0' });
  });
});

describe('a message', () => {
  const packed = gzipSync(QUESTION);
  test.each([
    ['compressed without grpc-encoding', {}, framed(QUESTION, { compressed: 1 })],
    [
      'compressed as identity',
      { 'grpc-encoding': 'identity' },
      framed(QUESTION, { compressed: 1 }),
    ],
    ['with the flag 2', {}, framed(QUESTION, { compressed: 2 })],
    ['with the flag 255', { 'grpc-encoding': 'gzip' }, framed(packed, { compressed: 255 })],
  ])('%s is malformed', async (_name, headers, bytes) => {
    expect(await send(headers as Record<string, string>, bytes)).toMatchObject({
      code: INVALID,
      bytes: 0,
    });
  });

  test('compressed as its grpc-encoding says is served', async () => {
    const end = await send({ 'grpc-encoding': 'gzip' }, framed(packed, { compressed: 1 }));
    expect(end).toMatchObject({ code: '0' });
  });
});

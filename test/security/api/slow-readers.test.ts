// Callers that take their time to read long answers, or leave in the middle (attack 18): what they
// have not read stands in memory, so further long calls of their connection wait, nobody else does,
// and nothing of it stays.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  GetAccountUsageResponse,
  GetOperatorPerformanceRequest,
  GetOperatorPerformanceResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { Granularity } from '../../../src/generated/proto/sms/analytics/v1/common.js';
import { call, clientFor, startTestServer, type TestServer } from '../../support/api-server.js';
import { framed } from '../../support/grpc-frame.js';
import { frame, grpcHeaders, PREFACE } from '../../support/http2-frames.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';

const PATH = '/sms.analytics.v1.AnalyticsService/GetOperatorPerformance';
const USAGE_PATH = '/sms.analytics.v1.AnalyticsService/GetAccountUsage';
const LARGE_BYTES = 30_000_000;
const LONG_PAGE = { granularity: Granularity.GRANULARITY_HOUR };
const patient = { timeout: 20_000 };

let server: TestServer;
let issued: Issued;
let session: ClientHttp2Session;

beforeAll(async () => {
  const page = GetOperatorPerformanceResponse.fromPartial({ nextPageToken: 'x'.repeat(1_000_000) });
  const usage = GetAccountUsageResponse.fromPartial({ accountId: 'x'.repeat(LARGE_BYTES) });
  server = await startTestServer({
    queries: { getOperatorPerformance: async () => page, getAccountUsage: async () => usage },
  });
  issued = await issueCaller(server.authority, ADMIN);
});
beforeEach(() => {
  session = connect(`https://${server.target}`, { ca: server.authority.pem, ...issued });
});
afterEach(async () => {
  session.destroy();
  await expect.poll(longCalls, patient).toEqual({ waiting: 0, running: 0 });
});
afterAll(() => server?.stop());

function tlsOptions() {
  const port = Number(server.target.split(':').pop());
  return { port, servername: 'localhost', ca: server.authority.pem, ...issued };
}

/** As the metrics tell them. */
async function longCalls(): Promise<Record<string, number>> {
  const metric = await server.registry.getSingleMetric('sms_analytics_long_calls')?.get();
  return Object.fromEntries(metric?.values.map(({ labels, value }) => [labels.state, value]) ?? []);
}

/** Asks, and reads nothing before `resume`. */
function ask(headers: Record<string, string> = {}) {
  const fixed = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' };
  const stream: ClientHttp2Stream = session.request({ ...fixed, te: 'trailers', ...headers });
  const message = GetOperatorPerformanceRequest.encode(
    GetOperatorPerformanceRequest.fromPartial(LONG_PAGE),
  ).finish();
  stream.end(framed(message));
  stream.on('error', () => {});
  const status = new Promise<unknown>((resolve) =>
    stream.once('trailers', (trailers) => resolve(trailers['grpc-status'])),
  );
  const closed = new Promise<number>((resolve) =>
    stream.once('close', () => resolve(stream.rstCode)),
  );
  return { stream, status, closed };
}

test('a connection that reads nothing gets further long answers later, and keeps nobody else waiting', async () => {
  const asked = Array.from({ length: 12 }, () => ask());
  await expect.poll(longCalls, patient).toEqual({ waiting: 9, running: 3 });

  const client = clientFor(server, issued);
  expect(await call(client, 'getSummary')).toMatchObject({ code: GrpcCode.OK });
  expect(await call(client, 'getOperatorPerformance', LONG_PAGE)).toMatchObject({
    code: GrpcCode.OK,
  });
  client.close();
  expect(await longCalls()).toEqual({ waiting: 9, running: 3 });

  for (const { stream } of asked) stream.resume();
  expect(await Promise.all(asked.map(({ status }) => status))).toEqual(asked.map(() => '0'));
});

test('an answer that is not read by its deadline is cut off', async () => {
  const asked = Array.from({ length: 2 }, () => ask({ 'grpc-timeout': '1S' }));
  expect(await Promise.all(asked.map(({ closed }) => closed))).toEqual([
    constants.NGHTTP2_CANCEL,
    constants.NGHTTP2_CANCEL,
  ]);
});

test('a connection whose callers have left a hundred answers half read is served as before', async () => {
  for (let i = 0; i < 100; i++) {
    const { stream, closed } = ask();
    stream.once('data', () => stream.close(constants.NGHTTP2_CANCEL));
    await closed;
  }
  const { stream, status } = ask();
  stream.resume();
  expect(await status).toBe('0');
});

test('a caller that reads nothing of a large answer for a while keeps its connection', async () => {
  // More than the kernels of both ends take, all of it at once, on a connection that takes
  // everything.
  const socket = connectTls({ ...tlsOptions(), ALPNProtocols: ['h2'] });
  const grown = frame({ type: 8, body: Buffer.from([0x3f, 0xff, 0x00, 0x00]) });
  const windows = frame({ type: 4, body: Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]) });
  const question = frame({ type: 0, flags: 1, stream: 1, body: framed(Buffer.alloc(0)) });
  socket.pause();
  socket.write(Buffer.concat([PREFACE, windows, grown, grpcHeaders(1, USAGE_PATH), question]));
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  socket.resume();
  await expect.poll(() => length, patient).toBeGreaterThan(LARGE_BYTES);
  socket.destroy();
});

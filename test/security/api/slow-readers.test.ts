// Callers that take their time to read long answers (attack 18): what they have not read stands in memory, so further
// long answers of their connection wait, and nobody else does.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { GetOperatorPerformanceResponse } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import type { QueryContext } from '../../../src/query/context.js';
import { call, clientFor, startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';

const PATH = '/sms.analytics.v1.AnalyticsService/GetOperatorPerformance';
const EMPTY_REQUEST = Buffer.alloc(5);
/** An answer of 700 KB: two of them are more than may be on their way when the next one begins. */
const LONG = GetOperatorPerformanceResponse.fromPartial({ nextPageToken: 'x'.repeat(700_000) });

let server: TestServer;
let issued: Issued;
let begun = 0;

beforeAll(async () => {
  const getOperatorPerformance = async (_request: unknown, { inTurn, signal }: QueryContext) => {
    const make = async () => {
      begun++;
      return LONG;
    };
    if (inTurn === undefined) throw new Error('a call without a connection');
    return inTurn(make, signal);
  };
  server = await startTestServer({ queries: { getOperatorPerformance } });
  issued = await issueCaller(server.authority, ADMIN);
});
beforeEach(() => {
  begun = 0;
});
afterEach(() => vi.restoreAllMocks());

/** How many answers had begun whenever a further one had to wait for room. */
function begunAtWaits(): number[] {
  const seen: number[] = [];
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    seen.push(begun);
    return timeout(ms);
  });
  return seen;
}
afterAll(() => server?.stop());

/** Asks, and reads nothing before `resume`. */
function ask(session: ClientHttp2Session) {
  const headers = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' };
  const stream: ClientHttp2Stream = session.request({ ...headers, te: 'trailers' });
  stream.end(EMPTY_REQUEST);
  const status = new Promise<unknown>((resolve) =>
    stream.once('trailers', (trailers) => resolve(trailers['grpc-status'])),
  );
  return { stream, status };
}

test('a caller that reads is never kept waiting', async () => {
  const waits = begunAtWaits();
  const client = clientFor(server, issued);
  for (let asked = 1; asked <= 8; asked++) {
    expect(await call(client, 'getOperatorPerformance')).toMatchObject({ code: GrpcCode.OK });
    expect(begun).toBe(asked);
  }
  client.close();
  expect(waits).toEqual([]);
});

test('a connection that reads nothing gets further long answers later, and keeps nobody else waiting', async () => {
  const waits = begunAtWaits();
  const session = connect(`https://${server.target}`, { ca: server.authority.pem, ...issued });
  const asked = Array.from({ length: 12 }, () => ask(session));
  await expect.poll(() => waits.length, { timeout: 20_000 }).toBeGreaterThan(0);
  expect(waits[0]).toBeLessThanOrEqual(4);

  const client = clientFor(server, issued);
  expect(await call(client, 'getSummary')).toMatchObject({ code: GrpcCode.OK });
  expect(await call(client, 'getOperatorPerformance')).toMatchObject({ code: GrpcCode.OK });
  client.close();

  for (const { stream } of asked) stream.resume();
  const statuses = await Promise.all(asked.map(({ status }) => status));
  expect(statuses).toEqual(asked.map(() => '0'));
  expect(begun).toBe(13);
  session.destroy();
});

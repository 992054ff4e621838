// One span per rpc, in its caller's trace, on the real gRPC server: as an SDK would see it.
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AnalyticsServiceClient } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { GetSummaryResponse } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { call, clientFor, startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN, issueCaller, STRANGER } from '../../support/pki.js';
import { recordSpans } from '../../support/recorded-spans.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;

const spans = recordSpans();
let server: TestServer;
let client: AnalyticsServiceClient;
let stranger: AnalyticsServiceClient;
/** The span that a use case runs under, after it has waited for something. */
let inside: string | undefined;

beforeAll(async () => {
  server = await startTestServer({
    queries: {
      getSummary: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        inside = trace.getActiveSpan()?.spanContext().spanId;
        return GetSummaryResponse.fromPartial({});
      },
      getThroughput: async () => {
        throw new Error('a bug');
      },
    },
  });
  client = clientFor(server, await issueCaller(server.authority, ADMIN));
  stranger = clientFor(server, await issueCaller(server.authority, STRANGER));
});
afterAll(async () => {
  client?.close();
  stranger?.close();
  await server?.stop();
});
beforeEach(() => {
  spans.length = 0;
  server.logLines.length = 0;
});

/**
 * The one span of the call that was just made; the client may have its answer before the server has
 * ended the span.
 */
async function theSpan() {
  await expect.poll(() => spans.map(({ ends }) => ends), { timeout: 60_000 }).toEqual([1]);
  const [span] = spans;
  if (span === undefined) throw new Error('no span');
  return span;
}

const loggedTrace = () => JSON.parse(server.logLines.at(-1) ?? '{}').traceId;

test('a call is a span of the trace that its metadata names, and its work runs under it', async () => {
  const headers = { traceparent: TRACEPARENT, tracestate: 'vendor=a1, other=b2' };
  expect(await call(client, 'getSummary', {}, headers)).toMatchObject({ code: 0 });
  const span = await theSpan();
  expect(span.name).toBe('sms.analytics.v1.AnalyticsService/GetSummary');
  expect(span.options.kind).toBe(SpanKind.SERVER);
  expect(span.attributes).toEqual({
    'rpc.system': 'grpc',
    'rpc.service': 'sms.analytics.v1.AnalyticsService',
    'rpc.method': 'GetSummary',
    'rpc.grpc.status_code': 0,
  });
  expect(span.status).toBeUndefined();
  expect(span.parent).toMatchObject({ traceId: TRACE, spanId: PARENT, traceFlags: 1 });
  expect(span.parent?.isRemote).toBe(true);
  expect(span.parent?.traceState?.serialize()).toBe('vendor=a1,other=b2');
  expect(inside).toBe(span.own.spanId);
  expect(loggedTrace()).toBe(TRACE);
});

test.each([
  ['without traceparent', {}],
  ['with a malformed one', { traceparent: '00-1-2-01', tracestate: 'vendor=a1' }],
  ['with one of zeros', { traceparent: `00-${'0'.repeat(32)}-${PARENT}-01` }],
])('a call %s begins a trace of its own, which its log line names', async (_, headers) => {
  expect(await call(client, 'getSummary', {}, headers)).toMatchObject({ code: 0 });
  const span = await theSpan();
  expect(span.parent).toBeUndefined();
  expect(loggedTrace()).toBe(span.own.traceId);
});

test.each([
  ['a denied call', () => call(stranger, 'getSummary'), 7, undefined],
  ['a failed call', () => call(client, 'getThroughput'), 13, { code: SpanStatusCode.ERROR }],
] as const)(
  '%s ends its span with its code; only what the server did is an error',
  async (...all) => {
    const [, act, code, status] = all;
    expect(await act()).toMatchObject({ code });
    const span = await theSpan();
    expect(span.attributes['rpc.grpc.status_code']).toBe(code);
    expect(span.status).toEqual(status);
  },
);

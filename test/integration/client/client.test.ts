// The client against the real server over real TLS: answers, errors, deadlines, cancellation,
// pages, retries, rotation.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QueryContext } from '../../../src/answers/question/context.js';
import { dashboard } from '../../../src/client/examples/admin-dashboard.js';
import { portalClient, usageOf } from '../../../src/client/examples/customer-portal.js';
import { AnalyticsError, createAnalyticsClient, Dimension } from '../../../src/client/index.js';
import { InvalidQuestion, Unavailable } from '../../../src/domain/failure.js';
import {
  GetAccountUsageResponse,
  GetDeliveryBreakdownResponse,
  GetOperatorPerformanceResponse,
  GetSummaryResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN, CertificateFolder, issueCaller, PORTAL } from '../../support/pki.js';

let server: TestServer;
let admin: CertificateFolder;
let portal: CertificateFolder;
let summary: (context: QueryContext) => Promise<GetSummaryResponse>;
const good = async () =>
  GetSummaryResponse.fromPartial({ counts: { accepted: 9007199254740993n } });

beforeAll(async () => {
  server = await startTestServer({
    queries: {
      getSummary: (_request, context) => summary(context),
      getOperatorPerformance: async ({ pageToken }) =>
        GetOperatorPerformanceResponse.fromPartial({
          rows: [{ operatorId: `op${pageToken || '1'}` }],
          nextPageToken: { '': '2', '2': '3' }[pageToken] ?? '',
        }),
      getDeliveryBreakdown: async ({ pageToken, pageSize, groupBy }) => {
        const last = Number(pageToken || 0) + pageSize * groupBy.length;
        return GetDeliveryBreakdownResponse.fromPartial({
          messages: BigInt(last),
          nextPageToken: last < 6 ? String(last) : '',
        });
      },
      getAccountUsage: async (request) => {
        if (request.range === undefined)
          throw new InvalidQuestion([{ field: 'range', description: 'is missing' }]);
        return GetAccountUsageResponse.fromPartial({
          counts: { accepted: 3n, segments: 4n },
          money: [{ currency: 'EUR', net: '0.300000001' }],
        });
      },
    },
  });
  admin = new CertificateFolder();
  portal = new CertificateFolder();
  const ca = server.authority.pem;
  admin.write({ ...(await issueCaller(server.authority, ADMIN)), ca });
  portal.write({ ...(await issueCaller(server.authority, PORTAL)), ca });
});
afterAll(async () => {
  await server.stop();
  admin.remove();
  portal.remove();
});

const tls = (folder: CertificateFolder) => ({
  ca: folder.caFile,
  cert: folder.certFile,
  key: folder.keyFile,
});
const connect = (more: Partial<Parameters<typeof createAnalyticsClient>[0]> = {}) =>
  createAnalyticsClient({
    target: server.target,
    tls: tls(admin),
    defaultDeadlineMs: 3_000,
    ...more,
  });

async function failure(promise: Promise<unknown>): Promise<AnalyticsError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AnalyticsError);
  return error as AnalyticsError;
}

test('counts above 2^53 arrive exactly, and a part of a request is enough', async () => {
  summary = good;
  const client = connect();
  const answer = await client.getSummary({ range: { start: '2026-11-01' } });
  expect(answer.counts?.accepted).toBe(9007199254740993n);
  client.close();
});

test('a wrong question rejects with every wrong field and the correlation id', async () => {
  const client = connect();
  const error = await failure(client.getAccountUsage({ accountId: 'a' }));
  expect(error).toMatchObject({
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_QUESTION',
    fieldViolations: [{ field: 'range', description: 'is missing' }],
    retryable: false,
  });
  expect(error.correlationId).toMatch(/^[0-9a-f-]{36}$/);
  expect(server.logLines.join('')).toContain(error.correlationId);
  client.close();
});

test('a question that is too large is as large the next time', async () => {
  const client = connect();
  const operatorIds = Array.from({ length: 20_000 }, (_, i) => `operator-${i}`);
  expect(await failure(client.getThroughput({ filter: { operatorIds } }))).toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'MESSAGE_TOO_LARGE',
    retryable: false,
  });
  client.close();
});

test('the default deadline holds, and aborts the use case', async () => {
  let aborted = false;
  summary = ({ signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(new Error('aborted'));
      }),
    );
  const client = connect({ defaultDeadlineMs: 150 });
  expect(await failure(client.getSummary({}))).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    retryable: true,
  });
  await expect.poll(() => aborted).toBe(true);
  client.close();
  expect(() => connect({ defaultDeadlineMs: 0 })).toThrow(RangeError);
});

test('an AbortSignal cancels the call down to the use case', async () => {
  let aborted = false;
  const controller = new AbortController();
  summary = ({ signal }) =>
    new Promise((_, reject) => {
      controller.abort(new Error('changed my mind'));
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(new Error('aborted'));
      });
    });
  const client = connect();
  const error = await failure(client.getSummary({}, { signal: controller.signal }));
  expect(error).toMatchObject({ code: 'CANCELLED', cause: new Error('changed my mind') });
  await expect.poll(() => aborted).toBe(true);
  // A signal that aborted before the call: the same end.
  expect((await failure(client.getSummary({}, { signal: controller.signal }))).code).toBe(
    'CANCELLED',
  );
  client.close();
});

test('UNAVAILABLE is retried within the deadline; other failures are not', async () => {
  let calls = 0;
  summary = async () => {
    calls += 1;
    if (calls < 3) throw new Unavailable('away');
    return good();
  };
  const client = connect();
  await client.getSummary({});
  expect(calls).toBe(3);
  calls = 0;
  summary = async () => {
    calls += 1;
    throw new Error('SELECT secret FROM host10.internal');
  };
  const error = await failure(client.getSummary({}));
  expect(error).toMatchObject({ code: 'INTERNAL', retryable: false });
  expect(error.message).not.toMatch(/secret|host10/);
  expect(calls).toBe(1);
  client.close();
});

test('pages follow one another to the last', async () => {
  const client = connect();
  const seen: (string | undefined)[] = [];
  for await (const page of client.operatorPages({})) seen.push(page.rows[0]?.operatorId);
  expect(seen).toEqual(['op1', 'op2', 'op3']);
  const totals: (bigint | undefined)[] = [];
  const asked = { pageSize: 2, groupBy: [Dimension.DIMENSION_OUTCOME] };
  for await (const page of client.breakdownPages(asked)) totals.push(page.messages);
  expect(totals).toEqual([2n, 4n, 6n]);
  // From the middle, as a page that was linked to.
  totals.length = 0;
  for await (const page of client.breakdownPages({ ...asked, pageToken: '2' })) {
    totals.push(page.messages);
  }
  expect(totals).toEqual([4n, 6n]);
  client.close();
});

test('rotated certificate files are used by new calls, and files that do not work change nothing', async () => {
  summary = good;
  const client = connect({ rotationIntervalMs: 20 });
  await client.getSummary({});
  // Half a rotation: the certificate of one pair, the key of another.
  const portalPair = await issueCaller(server.authority, PORTAL);
  admin.write({ cert: portalPair.cert });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await client.getSummary({});
  // Half an authority: OpenSSL passes over what is cut off, and would trust nobody.
  admin.write({ ...(await issueCaller(server.authority, ADMIN)), ca: '' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await client.getSummary({});
  admin.write({ ca: server.authority.pem, cert: portalPair.cert });
  admin.write({ key: portalPair.key });
  await expect
    .poll(async () => (await failure(client.getSummary({})).catch(() => undefined))?.code)
    .toBe('PERMISSION_DENIED');
  admin.write(await issueCaller(server.authority, ADMIN));
  await expect
    .poll(() =>
      client.getSummary({}).then(
        () => 'OK',
        () => 'not yet',
      ),
    )
    .toBe('OK');
  client.close();
});

describe('the examples run', () => {
  test('admin-dashboard', async () => {
    summary = good;
    const range = { start: '2026-11-01', end: '2026-11-08' };
    const lines = await dashboard({ target: server.target, tls: tls(admin) }, range);
    expect(lines[0]).toBe('accepted 9007199254740993 messages in 0 days');
    expect(lines).toContain('op3 no messages');
  });

  test('customer-portal', async () => {
    const client = portalClient({ target: server.target, tls: tls(portal) });
    const range = { start: '2026-11-01', end: '2026-12-01' };
    // One client for all customers, each with an account of its own.
    for (const accountId of ['acme', 'umbrella']) {
      const usage = await usageOf(client, accountId, range);
      expect(usage).toBe('3 messages, 4 segments, 0.300000001 EUR');
    }
    client.close();
  });
});

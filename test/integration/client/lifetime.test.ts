// The client over a plain connection, as where a sidecar does mutual TLS: what it answers, how it
// ends, and what it says of a call that was never sent.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSpiffeId, type SpiffeId } from '../../../src/api/identity/spiffe-id.js';
import { AnalyticsError, createAnalyticsClient } from '../../../src/client/index.js';
import { startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN } from '../../support/pki.js';

const identity = { kind: 'spiffe', id: parseSpiffeId(ADMIN) as SpiffeId } as const;
const startServer = () => startTestServer({ plaintext: true, identify: () => identity });

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const connect = () =>
  createAnalyticsClient({ target: server.target, tls: 'mesh', defaultDeadlineMs: 3_000 });

async function failure(promise: Promise<unknown>): Promise<AnalyticsError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AnalyticsError);
  return error as AnalyticsError;
}

test('tls: mesh asks in plaintext, reads no files, and sends the account of the call', async () => {
  const client = connect();
  expect((await client.getSummary({})).activeAccounts).toBe(7n);
  const usage = await client.getAccountUsage({ accountId: 'acme' }, { accountId: 'acme' });
  expect(usage.accountId).toBe('acme');
  client.close();
});

test('calls are spread over all addresses of the target', async () => {
  const other = await startServer();
  const both = [server, other]
    .map(({ target }) => target.replace('localhost', '127.0.0.1'))
    .join(',');
  const client = createAnalyticsClient({
    target: `ipv4:${both}`,
    tls: 'mesh',
    defaultDeadlineMs: 3_000,
  });
  const before = server.logLines.length;
  await expect
    .poll(
      async () => {
        await client.getSummary({});
        return server.logLines.length > before && other.logLines.length > 0;
      },
      { timeout: 30_000 },
    )
    .toBe(true);
  client.close();
  await other.stop();
});

test('a deadline that no timer can wait for is refused before anything is sent', async () => {
  const client = connect();
  for (const deadlineMs of [0, Number.NaN, Number.POSITIVE_INFINITY, 1e15]) {
    expect(await failure(client.getSummary({}, { deadlineMs }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      retryable: false,
    });
    const options = { target: server.target, tls: 'mesh', defaultDeadlineMs: deadlineMs } as const;
    expect(() => createAnalyticsClient(options)).toThrow(RangeError);
  }
  client.close();
});

test('a client that is closed rejects as every failure does, questions and pages alike', async () => {
  const client = connect();
  client.close();
  client.close();
  const closed = {
    code: 'FAILED_PRECONDITION',
    message: 'FAILED_PRECONDITION: the client is closed',
    retryable: false,
    fieldViolations: [],
  };
  expect(await failure(client.getSummary({}))).toMatchObject(closed);
  expect(await failure(client.getAccountUsage({}))).toMatchObject(closed);
  expect(await failure(client.getThroughput({}))).toMatchObject(closed);
  const firstPage = (pages: AsyncIterable<unknown>) => pages[Symbol.asyncIterator]().next();
  expect(await failure(firstPage(client.operatorPages({})))).toMatchObject(closed);
  expect(await failure(firstPage(client.breakdownPages({})))).toMatchObject(closed);
});

test('what cannot be written rejects, an account with its cause, and leaves the client usable', async () => {
  const client = connect();
  const error = await failure(client.getSummary({}, { accountId: 'zwölf\n' }));
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', retryable: false });
  expect(error.cause).toBeInstanceOf(Error);
  const half = await failure(client.getDeliveryBreakdown({ pageSize: 1.5 }));
  expect(half).toMatchObject({ retryable: false });
  expect((await client.getSummary({})).activeAccounts).toBe(7n);
  client.close();
});

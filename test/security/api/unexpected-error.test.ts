// The one part of attacks 15 and 16 that no input or engine brings about: use cases that throw what
// nobody foresaw, and use cases that must not run at all. The real gRPC server over real TLS,
// inside this process, with such use cases behind it.

import { Client, status as GrpcCode, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GetSummaryResponse } from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import {
  call,
  channelCredentials,
  clientFor,
  startTestServer,
  type TestServer,
} from '../../support/api-server.js';
import { ADMIN, type Issued, issueCaller } from '../../support/pki.js';

let server: TestServer;
let issued: Issued;
let reached = 0;
beforeAll(async () => {
  const fail = async (): Promise<GetSummaryResponse> => {
    reached += 1;
    throw Object.assign(new Error('SELECT 1 FROM ledger at 10.1.2.3'), { code: 5, detail: 'x' });
  };
  server = await startTestServer({ queries: { getSummary: fail } });
  issued = await issueCaller(server.authority, ADMIN);
});
afterAll(() => server?.stop());

test('an error of ours leaves with a correlation id, and without SQL, host or stack', async () => {
  const client = clientFor(server, issued);
  const end = await call(client, 'getSummary');
  client.close();
  expect(reached).toBe(1);
  expect(end).toMatchObject({ code: GrpcCode.INTERNAL, reason: 'analytics.sms/INTERNAL' });
  expect(JSON.stringify(end)).not.toMatch(/SELECT|ledger|10\.1|\bat \//);
  const line = server.logLines.find(
    (text) => text.includes(end.correlationId ?? '-') && text.includes('call failed'),
  );
  expect(line).toBeDefined();
});

test('a malformed request reaches no use case', async () => {
  const before = reached;
  const client = new Client(server.target, channelCredentials(server, issued));
  const bytes = (value: Buffer) => value;
  const path = '/sms.analytics.v1.AnalyticsService/GetSummary';
  const code = await new Promise<number | undefined>((resolve) =>
    client.makeUnaryRequest(path, bytes, bytes, Buffer.from([0x0d, 1]), new Metadata(), (error) =>
      resolve(error?.code),
    ),
  );
  client.close();
  expect(code).toBe(GrpcCode.INVALID_ARGUMENT);
  expect(reached).toBe(before);
});

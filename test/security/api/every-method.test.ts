// Attacks 3, 5 and 8 on the api process: every method of every service definition by every
// identity, each with a right question. A new method is denied until the table here decides.
import { Client, status as GrpcCode, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_METHODS, methodsOf } from '../../../src/api/server/methods.js';
import { HealthService } from '../../../src/generated/proto/grpc/health/v1/health.js';
import {
  AnalyticsServiceService,
  GetAccountUsageRequest,
  GetSummaryRequest,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { type ApiProcess, RANGE, startApiProcess } from '../../support/api-process.js';
import { channelCredentials } from '../../support/api-server.js';
import { ADMIN, ETL, issueCaller, OPS, PORTAL, SERVICE, STRANGER } from '../../support/pki.js';

const ANALYTICS = 'sms.analytics.v1.AnalyticsService';
const HEALTH = 'grpc.health.v1.Health';
/** Worked out from section 4 of the contract, not from the policy file. */
const ALLOWED: Record<string, string[]> = {
  [ADMIN]: [
    `${ANALYTICS}/GetSummary`,
    `${ANALYTICS}/GetOperatorPerformance`,
    `${ANALYTICS}/GetAccountUsage`,
    `${ANALYTICS}/GetThroughput`,
    `${ANALYTICS}/GetDeliveryBreakdown`,
    `${HEALTH}/Check`,
    `${HEALTH}/Watch`,
  ],
  [PORTAL]: [`${ANALYTICS}/GetAccountUsage`],
  [OPS]: [],
  [ETL]: [],
  [SERVICE]: [],
  [STRANGER]: [],
};

let api: ApiProcess;
beforeAll(async () => {
  api = await startApiProcess({ REFLECTION: 'off' });
});
afterAll(() => api?.close());

describe.each(Object.entries(ALLOWED))('%s', (identity, allowed) => {
  test('may call exactly what the contract says', async () => {
    const issued = await issueCaller(api.authority, identity);
    const client = new Client(api.target, channelCredentials(api, issued), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const served: string[] = [];
    try {
      for (const method of [...methodsOf(AnalyticsServiceService), ...methodsOf(HealthService)]) {
        const code = await ask(client, method);
        if (code === GrpcCode.OK) served.push(method);
        else expect([method, code]).toEqual([method, GrpcCode.PERMISSION_DENIED]);
      }
    } finally {
      client.close();
    }
    expect(served.sort()).toEqual([...allowed].sort());
  });
});

test('unknown methods, and reflection where it is off, are UNIMPLEMENTED, logged and counted', async () => {
  const reflection = [...ALL_METHODS].filter((method) => method.startsWith('grpc.reflection'));
  expect(reflection).toHaveLength(2);
  const methods = [`${ANALYTICS}/DropTables`, 'x.Y/Z', '+41791234567/x', ...reflection];
  for (const identity of [ADMIN, STRANGER]) {
    const issued = await issueCaller(api.authority, identity);
    const client = new Client(api.target, channelCredentials(api, issued), {
      'grpc.use_local_subchannel_pool': 1,
    });
    for (const method of methods) expect(await ask(client, method)).toBe(GrpcCode.UNIMPLEMENTED);
    client.close();
  }
  const lines = api.logLines().filter((line) => line.includes('UNIMPLEMENTED'));
  const calls = lines.map((line) => JSON.parse(line));
  expect(calls.map(({ method, caller }) => [method, caller])).toEqual([
    ...methods.map(() => ['unknown/unknown', 'admin-dashboard']),
    ...methods.map(() => ['unknown/unknown', undefined]),
  ]);
  // What a stranger calls a method is nowhere: neither in a line nor in a label.
  expect(api.logLines().join('')).not.toContain('41791234567');
  const handled = /grpc_service="unknown",grpc_method="unknown",grpc_code="Unimplemented"/;
  expect(await api.metric('grpc_server_handled_total', handled)).toBe(2 * methods.length);
  expect(await api.metrics()).not.toContain('DropTables');
});

test('of unknown methods nobody hears who is not identified', async () => {
  const issued = await issueCaller(api.authority, 'https://no.spiffe/id');
  const client = new Client(api.target, channelCredentials(api, issued), {
    'grpc.use_local_subchannel_pool': 1,
  });
  expect(await ask(client, 'x.Y/Z')).toBe(GrpcCode.UNAUTHENTICATED);
  client.close();
  const denied = api.logLines().filter((line) => line.includes('UNAUTHENTICATED'));
  expect(denied.map((line) => JSON.parse(line).method)).toEqual(['unknown/unknown']);
});

/** A right question for this method, so that whoever may ask it is answered. */
function questionOf(method: string): Buffer {
  if (!method.startsWith(ANALYTICS)) return Buffer.alloc(0);
  if (method.endsWith('GetAccountUsage')) {
    const question = GetAccountUsageRequest.fromPartial({ accountId: 'acme', range: RANGE });
    return Buffer.from(GetAccountUsageRequest.encode(question).finish());
  }
  // The range has one number in all the others.
  return Buffer.from(
    GetSummaryRequest.encode(GetSummaryRequest.fromPartial({ range: RANGE })).finish(),
  );
}

/** The code of a call, or OK as soon as the first message of a stream is there. */
function ask(client: Client, method: string): Promise<number> {
  const metadata = new Metadata();
  metadata.set('x-account-id', 'acme');
  const request = questionOf(method);
  const bytes = (value: Buffer) => value;
  return new Promise((resolve) => {
    const stream = client.makeServerStreamRequest(`/${method}`, bytes, bytes, request, metadata, {
      deadline: Date.now() + 30_000,
    });
    stream.on('data', () => {
      resolve(GrpcCode.OK);
      stream.cancel();
    });
    stream.on('error', (error) => resolve((error as unknown as { code: number }).code));
    stream.on('end', () => resolve(GrpcCode.OK));
  });
}

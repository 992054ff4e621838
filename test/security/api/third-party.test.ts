// A client that shares nothing with grpc-js, nor with our generated code: Connect for Node over
// Node's own HTTP/2, and messages from the published descriptors. It talks to the api process over
// mutual TLS with a valid certificate, and gets nothing without one. buf curl, a third
// implementation, does so in health-and-reflection.test.ts.

import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Identity } from '../../../deploy/local/secrets/certificates.js';
import { DESCRIPTORS } from '../../../src/generated/descriptors.js';
import { BadRequest } from '../../../src/generated/proto/google/rpc/error_details.js';
import { ADMIN, createAuthority, issueCaller } from '../../support/pki.js';
import { chargeOf, publicationOf } from '../../support/publications.js';
import { createSite, type TestSite } from '../../support/site.js';

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')),
);
const service = registry.getService('sms.analytics.v1.AnalyticsService');
if (service === undefined) throw new Error('the descriptors have no AnalyticsService');

const dayOf = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const range = { start: dayOf(-1), end: dayOf(1) };

let site: TestSite;

beforeAll(async () => {
  site = await createSite();
  const [ingest] = await Promise.all([site.start('ingest'), site.start('api')]);
  await site.publish([1, 2, 3].map((n) => publicationOf('sms.billing.v1.charged', chargeOf(n))));
  await site.drained();
  await ingest.stop();
});
afterAll(() => site?.close());

type Pair = { readonly cert: string | Buffer; readonly key: string | Buffer };

function pairOf(identity: Identity): Pair {
  const { cert, key } = site.tls.identities[identity];
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

/** What every transport needs: where, and whom to trust and to be. */
function optionsOf(pair: Pair | undefined) {
  return {
    baseUrl: `https://localhost:${site.site.ports.grpc}`,
    httpVersion: '2' as const,
    defaultTimeoutMs: 5_000,
    nodeOptions: { ca: readFileSync(site.tls.ca), ...pair },
  };
}

type Method =
  | 'GetSummary'
  | 'GetOperatorPerformance'
  | 'GetAccountUsage'
  | 'GetThroughput'
  | 'GetDeliveryBreakdown';

/** The answer as JSON; rejects with Connect's own error. */
async function ask(
  transport: Transport,
  name: Method,
  question: object,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const method = service?.methods.find((one) => one.name === name);
  if (service === undefined || method === undefined) throw new Error(`there is no ${name}`);
  // Known at run time only, so the client has no types.
  const client = createClient(service, transport) as unknown as Record<
    string,
    (question: object, options: object) => Promise<never>
  >;
  const answer = await client[method.localName]?.(question, { headers });
  return toJson(method.output, answer as never);
}

const askAs = (identity: Identity, name: Method, question: object, headers = {}) =>
  ask(createGrpcTransport(optionsOf(pairOf(identity))), name, question, headers);

async function errorOf(asked: Promise<unknown>): Promise<ConnectError> {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

describe('with a valid certificate', () => {
  test('admin-dashboard gets its five answers', async () => {
    expect(await askAs('admin-dashboard', 'GetSummary', { range })).toMatchObject({
      counts: { accepted: '3', segments: '3' },
      money: [{ currency: 'EUR', charged: '0.15' }],
    });
    const usage = await askAs('admin-dashboard', 'GetAccountUsage', { range, accountId: 'acme' });
    expect(usage).toMatchObject({ accountId: 'acme', counts: { accepted: '3' } });
    expect(await askAs('admin-dashboard', 'GetThroughput', { range })).toMatchObject({
      total: { accepted: { messages: '3' } },
    });
    expect(await askAs('admin-dashboard', 'GetDeliveryBreakdown', { range })).toMatchObject({
      messages: '3',
    });
    expect(await askAs('admin-dashboard', 'GetOperatorPerformance', { range })).toMatchObject({
      rows: [{ operatorId: '22801' }],
    });
  });

  test('customer-portal gets the account of its header and no other', async () => {
    const own = { 'x-account-id': 'acme' };
    const question = { range, accountId: 'acme' };
    expect(await askAs('customer-portal', 'GetAccountUsage', question, own)).toMatchObject({
      counts: { accepted: '3' },
    });
    const other = { 'x-account-id': 'umbrella' };
    for (const headers of [other, {}]) {
      const error = await errorOf(askAs('customer-portal', 'GetAccountUsage', question, headers));
      expect(error.code).toBe(Code.PermissionDenied);
    }
    const summary = await errorOf(askAs('customer-portal', 'GetSummary', { range }, own));
    expect(summary.code).toBe(Code.PermissionDenied);
  });

  test('a stranger is denied', async () => {
    const error = await errorOf(askAs('stranger', 'GetSummary', { range }));
    expect(error).toMatchObject({
      code: Code.PermissionDenied,
      rawMessage: 'the caller may not do this',
    });
  });

  test('a wrong question gets details that it can read', async () => {
    const wrong = { range: { start: '1', end: '2025' }, timeZone: 'Nowhere' };
    const error = await errorOf(askAs('admin-dashboard', 'GetSummary', wrong));
    expect(error.code).toBe(Code.InvalidArgument);
    const details = error.details.flatMap((detail) => ('type' in detail ? [detail] : []));
    expect(details.map(({ type }) => type)).toContain('google.rpc.ErrorInfo');
    const bad = details.find(({ type }) => type === 'google.rpc.BadRequest');
    const { fieldViolations } = BadRequest.decode(bad?.value ?? new Uint8Array());
    expect(fieldViolations.map(({ field }) => field)).toEqual([
      'time_zone',
      'range.start',
      'range.end',
    ]);
  });
});

describe('nothing is served', () => {
  const refused = async (transport: Transport) => {
    const error = await errorOf(ask(transport, 'GetSummary', { range }));
    // Every answer of the service has details. Without them the connection itself ended, however
    // the client names that.
    const ends = [Code.Canceled, Code.Unknown, Code.Aborted, Code.Internal, Code.Unavailable];
    expect(ends).toContain(error.code);
    expect(error.details).toEqual([]);
  };

  test('without a certificate', () => refused(createGrpcTransport(optionsOf(undefined))));

  test('with the certificate of another authority', async () => {
    const issued = await issueCaller(await createAuthority('another authority', 2), ADMIN);
    await refused(createGrpcTransport(optionsOf(issued)));
  });

  test('to the Connect protocol and to gRPC-Web, whatever the certificate', async () => {
    const options = optionsOf(pairOf('admin-dashboard'));
    for (const create of [createConnectTransport, createGrpcWebTransport]) {
      const error = await errorOf(ask(create(options), 'GetSummary', { range }));
      expect(error.code).not.toBe(Code.PermissionDenied);
      expect(error.details).toEqual([]);
    }
  });
});

// Attack 6 on the api process in its two mesh modes, with real rows behind it: what it is told in
// plaintext from the sidecar's address, and from any other. Every refusal is on record with its
// reason.

import { status as GrpcCode } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Child } from '../../../deploy/local/engines/child.js';
import {
  GetAccountUsageRequest,
  GetAccountUsageResponse,
  GetSummaryRequest,
  GetSummaryResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { ADMIN, PORTAL, SERVICE, STRANGER } from '../../support/pki.js';
import { chargeOf, publicationOf } from '../../support/publications.js';
import { callPlainly, type PlainEnd } from '../../support/sidecar-caller.js';
import { createSite, type TestSite } from '../../support/site.js';

const ANALYTICS = 'sms.analytics.v1.AnalyticsService';
const dayOf = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const range = { start: dayOf(-1), end: dayOf(2) };

let site: TestSite;

/** Two messages of `acme` and one of `umbrella` an hour ago. */
beforeAll(async () => {
  site = await createSite();
  const ingest = await site.start('ingest');
  const charges = ['acme', 'acme', 'umbrella'].map((accountId, index) =>
    publicationOf('sms.billing.v1.charged', chargeOf(index, { accountId })),
  );
  await site.publish(charges);
  await site.drained();
  await ingest.stop();
});
afterAll(() => site?.close());

const METHODS = ['GetSummary', 'GetOperatorPerformance', 'GetThroughput', 'GetDeliveryBreakdown'];
const SUMMARY = GetSummaryRequest.encode(GetSummaryRequest.fromPartial({ range })).finish();
const usageOf = (accountId: string) =>
  GetAccountUsageRequest.encode(GetAccountUsageRequest.fromPartial({ accountId, range })).finish();

type Headers = Record<string, string | string[]>;

/** Speaks to a running api as one mode's sidecar does. */
class Speaker {
  constructor(
    private readonly mode: string,
    readonly address: string,
    private readonly env: Record<string, string> = {},
  ) {}

  start(): Promise<Child> {
    const none = { TLS_CERT_FILE: '', TLS_KEY_FILE: '', TLS_CA_FILE: '' };
    return site.start('api', { IDENTITY_MODE: this.mode, ...none, ...this.env });
  }

  summary(headers: Headers, from = this.address): Promise<PlainEnd> {
    return this.call('GetSummary', SUMMARY, headers, from);
  }

  usage(accountId: string, headers: Headers): Promise<PlainEnd> {
    return this.call('GetAccountUsage', usageOf(accountId), headers, this.address);
  }

  call(name: string, message: Uint8Array, headers: Headers, from: string): Promise<PlainEnd> {
    const { grpc: port } = site.site.ports;
    return callPlainly({ port, from, method: `${ANALYTICS}/${name}`, message, headers });
  }
}

const UNIDENTIFIED = { code: GrpcCode.UNAUTHENTICATED, reason: 'UNAUTHENTICATED', body: undefined };
const DENIED = { code: GrpcCode.PERMISSION_DENIED, reason: 'PERMISSION_DENIED', body: undefined };

/** What both modes serve and deny, once an identity is known. */
async function expectServedByPolicy(speaker: Speaker, admin: Headers, portal: Headers) {
  const summary = await speaker.summary(admin);
  expect(summary.code).toBe(GrpcCode.OK);
  const answer = GetSummaryResponse.decode(summary.body ?? Buffer.alloc(0));
  expect(answer).toMatchObject({ counts: { accepted: 3n }, activeAccounts: 2n });
  // admin-dashboard may ask for any account, and its account header is ignored.
  for (const headers of [admin, { ...admin, 'x-account-id': 'umbrella' }]) {
    const usage = await speaker.usage('acme', headers);
    expect(usage.code).toBe(GrpcCode.OK);
    expect(GetAccountUsageResponse.decode(usage.body ?? Buffer.alloc(0))).toMatchObject({
      accountId: 'acme',
      counts: { accepted: 2n },
    });
  }
  const own = await speaker.usage('umbrella', { ...portal, 'x-account-id': 'umbrella' });
  expect(own.code).toBe(GrpcCode.OK);
  expect(GetAccountUsageResponse.decode(own.body ?? Buffer.alloc(0))).toMatchObject({
    accountId: 'umbrella',
    counts: { accepted: 1n },
    money: [{ currency: 'EUR', charged: '0.05' }],
  });
  const foreign = await speaker.usage('acme', { ...portal, 'x-account-id': 'umbrella' });
  expect(foreign).toMatchObject(DENIED);
  expect(await speaker.usage('acme', portal)).toMatchObject(DENIED);
  const twice = { ...portal, 'x-account-id': ['acme', 'acme'] };
  expect(await speaker.usage('acme', twice)).toMatchObject(DENIED);
  for (const name of METHODS) {
    const headers = { ...portal, 'x-account-id': 'umbrella' };
    const end = await speaker.call(name, SUMMARY, headers, speaker.address);
    expect(end).toMatchObject(DENIED);
  }
}

/**
 * Reasons under which nobody, or this identity, was refused, once the process has ended and written
 * them.
 */
async function recordedReasons(actor: string): Promise<string[]> {
  const { rows } = await site.database.query<{ reason: string }>(
    `SELECT DISTINCT reason FROM audit_record WHERE outcome = 'denied' AND actor = $1 ORDER BY 1`,
    [actor],
  );
  return rows.map(({ reason }) => reason);
}

/** Peers that are not the sidecar, though they are on the same machine. */
const STRANGE_PEERS = ['127.0.0.1', '127.0.0.7', '127.6.0.0'];

describe('in mode istio-xfcc', () => {
  const speaker = new Speaker('istio-xfcc', '127.0.0.6');
  const element = (uri: string) => `By=${SERVICE};Hash=${'a'.repeat(64)};Subject="";URI=${uri}`;
  const xfcc = (value: string | string[]) => ({ 'x-forwarded-client-cert': value });
  let api: Child;
  beforeAll(async () => {
    api = await speaker.start();
  });
  afterAll(() => api?.stop());

  test('admin and portal are served, each by the policy and with its own rows', () =>
    expectServedByPolicy(speaker, xfcc(element(ADMIN)), xfcc(element(PORTAL))));

  test('an element that the caller forged left of the real one changes nothing', async () => {
    const forged = (uri: string) => xfcc(`${element(ADMIN)},${element(uri)}`);
    expect(await speaker.summary(forged(STRANGER))).toMatchObject(DENIED);
    expect(await speaker.summary(forged(PORTAL))).toMatchObject(DENIED);
    // Nor does it take anything from the real caller.
    const honest = await speaker.summary(xfcc(`${element(STRANGER)},${element(ADMIN)}`));
    expect(honest.code).toBe(GrpcCode.OK);
  });

  test.each<[string, Headers]>([
    ['missing', {}],
    ['empty', xfcc('')],
    ['without grammar', xfcc('admin-dashboard')],
    ['with an unknown key', xfcc(`By=${SERVICE};Who=x;URI=${ADMIN}`)],
    ['with an open quote', xfcc(`By=${SERVICE};URI="${ADMIN}`)],
    ['with a quote that swallows the real element', xfcc(`Subject="x,${element(ADMIN)}`)],
    ['ending in a comma', xfcc(`${element(ADMIN)},`)],
    ['sent twice', xfcc([element(ADMIN), element(ADMIN)])],
    ['oversize', xfcc(`${`${element(STRANGER)},`.repeat(90)}${element(ADMIN)}`)],
    ['with two URIs', xfcc(`${element(STRANGER)};URI=${ADMIN}`)],
    ['with the same URI twice', xfcc(`${element(ADMIN)};URI=${ADMIN}`)],
    ['without a URI', xfcc(`By=${SERVICE};Hash=${'a'.repeat(64)}`)],
    ['with a URI that is no SPIFFE ID', xfcc(element('https://sms.example/admin'))],
    ['in the JSON form', xfcc(`[{"By":"${SERVICE}","URI":"${ADMIN}"}]`)],
    ['for another By', xfcc(`By=${STRANGER};URI=${ADMIN}`)],
    ['with two By', xfcc(`By=${SERVICE};By=${STRANGER};URI=${ADMIN}`)],
    ['without By', xfcc(`URI=${ADMIN}`)],
    [
      "replaced by Linkerd's",
      {
        'l5d-client-id':
          'admin-dashboard.admin-dashboard.serviceaccount.identity.linkerd.cluster.local',
      },
    ],
  ])('a header %s identifies nobody', async (_name, headers) => {
    expect(await speaker.summary(headers)).toMatchObject(UNIDENTIFIED);
  });

  test('a header beyond what a connection may carry gets no answer', async () => {
    const end = await speaker.summary(
      xfcc(`${`${element(STRANGER)},`.repeat(500)}${element(ADMIN)}`),
    );
    expect(end.code).not.toBe(GrpcCode.OK);
    expect(end.body).toBeUndefined();
  });

  test('the right header from any peer but the sidecar identifies nobody', async () => {
    for (const peer of STRANGE_PEERS) {
      expect(await speaker.summary(xfcc(element(ADMIN)), peer)).toMatchObject(UNIDENTIFIED);
    }
  });

  test('every one of them is on record, by reason and without the header', async () => {
    await api.stop();
    expect(await recordedReasons('unidentified')).toEqual([
      'NOT_A_SPIFFE_ID',
      'PEER_IS_NOT_THE_SIDECAR',
      'XFCC_MALFORMED',
      'XFCC_MISSING',
      'XFCC_NOT_FOR_US',
      'XFCC_NOT_ONE_URI',
      'XFCC_OVERSIZE',
    ]);
    expect(await recordedReasons(STRANGER)).toEqual(['CALLER_NOT_LISTED']);
    expect(await recordedReasons('customer-portal')).toEqual([
      'ACCOUNT_HEADER_INVALID',
      'FOREIGN_ACCOUNT',
      'METHOD_NOT_ALLOWED',
    ]);
  });
});

describe('in mode linkerd', () => {
  // Linkerd's proxy connects from the pod's own address, which the manifest names; here 127.0.0.9
  // is the pod.
  const speaker = new Speaker('linkerd', '127.0.0.9', { SIDECAR_ADDRESSES: '127.0.0.9,::9' });
  const nameOf = (account: string) =>
    `${account}.${account}.serviceaccount.identity.linkerd.cluster.local`;
  const named = (value: string | string[]) => ({ 'l5d-client-id': value });
  const admin = nameOf('admin-dashboard');
  let api: Child;
  beforeAll(async () => {
    api = await speaker.start();
  });
  afterAll(() => api?.stop());

  test('admin and portal are served, each by the policy and with its own rows', () =>
    expectServedByPolicy(speaker, named(admin), named(nameOf('customer-portal'))));

  test('a name that is not listed is denied', async () => {
    for (const name of [
      nameOf('stranger'),
      'admin-dashboard.admin-dashboard-evil.serviceaccount.identity.linkerd.cluster.local',
      'admin-dashboard.admin-dashboard.serviceaccount.identity.linkerd.evil.example',
      `x-${admin}`,
    ]) {
      expect(await speaker.summary(named(name))).toMatchObject(DENIED);
    }
  });

  test.each<[string, Headers]>([
    ['missing', {}],
    ['empty', named('')],
    ['in upper case', named(admin.toUpperCase())],
    ['with a final dot', named(`${admin}.`)],
    ['with a label before it', named(`x.${admin}`)],
    ['sent twice', named([admin, admin])],
    ['sent twice with a stranger first', named([nameOf('stranger'), admin])],
    ['joined by a comma', named(`${nameOf('stranger')},${admin}`)],
    ['oversize', named(`${'a'.repeat(20_000)}.${admin}`)],
    ['that is a SPIFFE ID', named(ADMIN)],
    ['percent-encoded', named(admin.replace('-', '%2D'))],
    [
      "replaced by Istio's",
      { 'x-forwarded-client-cert': `By=${SERVICE};Hash=${'a'.repeat(64)};URI=${ADMIN}` },
    ],
  ])('a name %s identifies nobody', async (_name, headers) => {
    expect(await speaker.summary(headers)).toMatchObject(UNIDENTIFIED);
  });

  test('the right name from any peer but the proxy identifies nobody', async () => {
    for (const peer of ['127.0.0.6', ...STRANGE_PEERS]) {
      expect(await speaker.summary(named(admin), peer)).toMatchObject(UNIDENTIFIED);
    }
  });

  test('every one of them is on record, by reason', async () => {
    await api.stop();
    expect(await recordedReasons('unidentified')).toEqual(
      expect.arrayContaining(['LINKERD_ID_MALFORMED', 'LINKERD_ID_MISSING']),
    );
    expect(await recordedReasons(nameOf('stranger'))).toEqual(['CALLER_NOT_LISTED']);
  });
});

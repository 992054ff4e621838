// Attack 6: what the sidecar's header may and may not do.
import { Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { identityReader } from '../../../src/api/identity/identity-reader.js';
import { parseSpiffeId, type SpiffeId } from '../../../src/api/identity/spiffe-id.js';

const US = 'spiffe://sms.example/ns/sms-analytics/sa/sms-analytics' as SpiffeId;
const ADMIN = 'spiffe://sms.example/ns/admin-dashboard/sa/admin-dashboard';
const EVIL = 'spiffe://sms.example/ns/evil/sa/evil';
const HASH = 'a'.repeat(64);
const element = (uri: string) => `By=${US};Hash=${HASH};Subject="";URI=${uri}`;

function from(
  remoteAddress: string,
  mode: 'istio-xfcc' | 'linkerd',
  headers: Record<string, string>,
) {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const call = { getConnectionInfo: () => ({ remoteAddress }) } as ServerInterceptingCallInterface;
  const identity = identityReader({ mode, ownId: US })(call, metadata);
  return identity.kind === 'none' ? identity.reason : identity.id;
}
const xfcc = (value: string, peer = '127.0.0.6') =>
  from(peer, 'istio-xfcc', { 'x-forwarded-client-cert': value });

describe('istio-xfcc', () => {
  test.each([
    ['one element', element(ADMIN), ADMIN],
    ['a quoted URI', `By=${US};Hash=${HASH};URI="${ADMIN}"`, ADMIN],
    ['lower-case keys', `by=${US};uri=${ADMIN}`, ADMIN],
    [
      'a subject with delimiters in quotes',
      `By=${US};Subject="CN=a,O=\\"b\\";URI=${EVIL}";URI=${ADMIN}`,
      ADMIN,
    ],
    [
      'a forged element on the left: the last one counts',
      `${element(ADMIN)},${element(EVIL)}`,
      EVIL,
    ],
    [
      'a forged element that opens a quote',
      `Subject="${element(ADMIN)},${element(EVIL)}`,
      'XFCC_MALFORMED',
    ],
    ['a forged element that escapes a quote', `Subject="\\,${element(EVIL)}`, 'XFCC_MALFORMED'],
    ['empty', '', 'XFCC_MISSING'],
    ['no grammar', 'admin', 'XFCC_MALFORMED'],
    ['an unknown key', `By=${US};Who=${ADMIN};URI=${ADMIN}`, 'XFCC_MALFORMED'],
    ['an empty last element', `${element(ADMIN)},`, 'XFCC_MALFORMED'],
    ['a trailing delimiter', `${element(ADMIN)};`, 'XFCC_MALFORMED'],
    ['blanks between', `${element(EVIL)}, ${element(ADMIN)}`, 'XFCC_MALFORMED'],
    ['an open quote', `By=${US};URI="${ADMIN}`, 'XFCC_MALFORMED'],
    ['text after a quote', `By=${US};URI="${ADMIN}"x`, 'XFCC_MALFORMED'],
    ['two URIs', `${element(EVIL)};URI=${ADMIN}`, 'XFCC_NOT_ONE_URI'],
    ['two URIs in two cases', `${element(EVIL)};uri=${ADMIN}`, 'XFCC_NOT_ONE_URI'],
    ['no URI', `By=${US};Hash=${HASH}`, 'XFCC_NOT_ONE_URI'],
    ['an empty URI', `By=${US};URI=`, 'NOT_A_SPIFFE_ID'],
    ['another By', `By=${EVIL};URI=${ADMIN}`, 'XFCC_NOT_FOR_US'],
    ['two By', `By=${US};By=${EVIL};URI=${ADMIN}`, 'XFCC_NOT_FOR_US'],
    ['no By', `Hash=${HASH};URI=${ADMIN}`, 'XFCC_NOT_FOR_US'],
    ['the JSON form', `[{"By":"${US}","URI":["${ADMIN}"]}]`, 'XFCC_MALFORMED'],
    ['oversize', `${`${element(EVIL)},`.repeat(200)}${element(ADMIN)}`, 'XFCC_OVERSIZE'],
  ])('%s', (_name, header, expected) => {
    expect(xfcc(header)).toBe(expected);
  });

  test('a missing header, and a header from anybody but the sidecar, identify nobody', () => {
    expect(from('127.0.0.6', 'istio-xfcc', {})).toBe('XFCC_MISSING');
    for (const peer of ['127.0.0.1', '::1', '10.0.0.6', '::ffff:10.0.0.6', '1127.0.0.6']) {
      expect(xfcc(element(ADMIN), peer)).toBe('PEER_IS_NOT_THE_SIDECAR');
    }
    expect(xfcc(element(ADMIN), '::ffff:127.0.0.6')).toBe(ADMIN);
  });

  test('the header of Linkerd does not count', () => {
    const name = 'a.b.serviceaccount.identity.linkerd.cluster.local';
    expect(from('127.0.0.6', 'istio-xfcc', { 'l5d-client-id': name })).toBe('XFCC_MISSING');
  });
});

describe('linkerd', () => {
  const name = 'admin-dashboard.admin-dashboard.serviceaccount.identity.linkerd.cluster.local';
  const linkerd = (value: string, peer = '127.0.0.1') =>
    from(peer, 'linkerd', { 'l5d-client-id': value });

  test('the whole name counts, from the proxy only', () => {
    expect(linkerd(name)).toBe(name);
    expect(linkerd(name, '10.0.0.1')).toBe('PEER_IS_NOT_THE_SIDECAR');
  });

  test.each([`${name}, ${name}`, name.toUpperCase(), `${name}.`, ` ${name}`, 'a.b', `${name}\n`])(
    'another form is nobody: %j',
    (value) => {
      expect(() => linkerd(value)).toSatisfy((read: () => string) => {
        try {
          return read() === 'LINKERD_ID_MALFORMED';
        } catch {
          return true; // the transport refuses it before us
        }
      });
    },
  );

  test('an XFCC header does not count', () => {
    expect(from('127.0.0.1', 'linkerd', { 'x-forwarded-client-cert': element(ADMIN) })).toBe(
      'LINKERD_ID_MISSING',
    );
  });
});

test('a SPIFFE ID is taken by its whole grammar or not at all', () => {
  expect(parseSpiffeId(ADMIN)).toBe(ADMIN);
  const longest = `spiffe://sms.example/${'a'.repeat(2027)}`;
  expect(longest).toHaveLength(2048);
  expect(parseSpiffeId(longest)).toBe(longest);
  const others = [
    `${longest}a`,
    `spiffe://${'a'.repeat(256)}/x`,
    'spiffe://sms.example',
    'spiffe://sms.example//x',
    'spiffe:///x',
    'spiffe://u@sms.example/x',
    'spiffe://sms.example/.',
    `${ADMIN}#x`,
    `${ADMIN}\n`,
    ` ${ADMIN}`,
    'spiffe://sms.example/ä',
  ];
  for (const text of others) expect(parseSpiffeId(text)).toBeUndefined();
});

// The names of a client's certificate, read apart. A name that quotes another one stays one name.
import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import { certificateUris } from '../../../src/api/identity/certificate-uris.js';
import { type Authority, createAuthority, issue, issueService } from '../../support/pki.js';

const A = 'spiffe://sms.example/ns/a/sa/a';
const B = 'spiffe://sms.example/ns/b/sa/b';

let authority: Authority;
beforeAll(async () => {
  authority = await createAuthority('test authority', 1);
});

const derOf = (pem: string) => Buffer.from(new x509.X509Certificate(pem).rawData);

async function urisOf(names: { uris?: string[]; dns?: string[]; ips?: string[] }) {
  const { cert } = await issue(authority, { commonName: 'x', ...names });
  return certificateUris(derOf(cert));
}

describe('the URIs of a certificate', () => {
  it.each([
    ['one', [A]],
    ['several, in order', [B, A]],
    ['the same twice', [A, A]],
    ['none', []],
    ['an empty one', ['']],
    ['a comma', [`${A},x`]],
    ['a comma and a blank', [`${A}, x`]],
    ['one that quotes another', [`${A}, URI:${B}`]],
    ['one that quotes a quoted one', [`"${A}", URI:"${B}"`]],
    ['one that ends its own quotes', [`${A}", URI:"${B}`]],
    ['one that escapes its own quotes', [`${A}\\", URI:${B}`]],
    ['quotes alone', ['"', '""', "'"]],
    ['backslashes', ['\\', '\\\\', '\\u002c']],
    ['line breaks and a NUL', [`${A}\n`, `${A}\r\n`, `${A}\u0000`, '\u007f']],
    ['bytes past ASCII', ['\u00e9', '\u00ff']],
    ['a colon and a blank', ['DNS:x', 'URI:', ' ']],
  ])('are read as issued: %s', async (_, uris) => {
    expect(await urisOf({ uris })).toEqual(uris);
    expect(await urisOf({ uris, dns: ['localhost'], ips: ['127.0.0.1', '::1'] })).toEqual(uris);
  });

  it.each([`URI:${A}`, `x, URI:${A}`, `x", URI:"${A}`, `x\\", URI:${A}`])(
    'are not read from the DNS name %j',
    async (name) => expect(await urisOf({ dns: [name] })).toEqual([]),
  );

  it('are not read from the common name', async () => {
    const { cert } = await issue(authority, { commonName: `URI:${A}` });
    expect(certificateUris(derOf(cert))).toEqual([]);
  });

  it('are not read from anything but a certificate', async () => {
    const der = derOf((await issue(authority, { commonName: 'x', uris: [A] })).cert);
    expect(() => certificateUris(Buffer.alloc(0))).toThrow();
    expect(() => certificateUris(der.subarray(0, -1))).toThrow();
    expect(() => certificateUris(Buffer.from('URI:x'))).toThrow();
  });
});

it('a certificate with two lists of names does not pass the handshake', async () => {
  const service = await issueService(authority);
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const list = (value: string) =>
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value }]);
  const certificate = async (extensions: x509.Extension[]) =>
    await x509.X509CertificateGenerator.create({
      subject: 'CN=x',
      issuer: authority.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions,
    });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----`;
  const handshake = async (extensions: x509.Extension[]) => {
    const cert = (await certificate(extensions)).toString('pem');
    const server = createServer({ ...service, ca: authority.pem, requestCert: true });
    const ended = Promise.race([
      once(server, 'secureConnection').then(() => 'accepted'),
      once(server, 'tlsClientError').then(([error]) => error.code as string),
    ]);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, ca: authority.pem, cert, key });
    socket.on('error', () => {});
    try {
      return await ended;
    } finally {
      socket.destroy();
      server.close();
    }
  };
  expect(await handshake([list(A)])).toBe('accepted');
  expect(await handshake([list(A), list(B)])).toBe('ERR_SSL_INVALID_CERTIFICATE');
});

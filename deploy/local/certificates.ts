// The throw-away certificate authority of the local stack and one certificate per identity, as SPIFFE IDs of the
// trust domain `sms.example`. Keys are readable by their owner only; what expires within a day is made anew.
// Never used outside this machine: production identities come from the mesh.

import 'reflect-metadata';
import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const LEAF_DAYS = 30;
const CA_DAYS = 365;

/** Workload to SPIFFE path (`ns/<namespace>/sa/<service account>`). */
export const IDENTITIES = {
  'admin-dashboard': 'ns/admin-dashboard/sa/admin-dashboard',
  'customer-portal': 'ns/customer-portal/sa/customer-portal',
  ops: 'ns/sms-analytics/sa/ops',
  'anlyt-etl': 'ns/sms-analytics/sa/anlyt-etl',
  'sms-analytics': 'ns/sms-analytics/sa/sms-analytics',
  stranger: 'ns/stranger/sa/stranger',
} as const;
export type Identity = keyof typeof IDENTITIES;
export const TRUST_DOMAIN = 'sms.example';

export interface KeyPairFiles {
  readonly cert: string;
  readonly key: string;
}
export interface TlsFiles {
  /** The CA's certificate, PEM. */
  readonly ca: string;
  readonly identities: Readonly<Record<Identity, KeyPairFiles>>;
}

/** The certificate files in `directory`, all valid for a day at least; makes them where they are not. */
export async function ensureCertificates(directory: string): Promise<TlsFiles> {
  const pair = (name: string): KeyPairFiles => ({
    cert: join(directory, `${name}.pem`),
    key: join(directory, `${name}.key`),
  });
  const names = Object.keys(IDENTITIES) as Identity[];
  const files: TlsFiles = {
    ca: join(directory, 'ca.pem'),
    identities: Object.fromEntries(
      names.map((name) => [name, pair(name)]),
    ) as TlsFiles['identities'],
  };
  if (usable(files)) return files;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const authority = await createAuthority();
  for (const name of names) {
    const leaf = await issue(authority, name);
    write(files.identities[name].key, leaf.key, 0o600);
    write(files.identities[name].cert, leaf.cert, 0o644);
  }
  write(files.ca, authority.certificate.toString('pem'), 0o644);
  return files;
}

/** True when the CA and every leaf are there, belong together, and last for another day. */
function usable(files: TlsFiles): boolean {
  try {
    const ca = new X509Certificate(readFileSync(files.ca));
    const leaves = Object.values(files.identities).map(({ cert, key }) => {
      readFileSync(key);
      return new X509Certificate(readFileSync(cert));
    });
    const least = Date.now() + DAY_MS;
    return (
      [ca, ...leaves].every((certificate) => Date.parse(certificate.validTo) > least) &&
      leaves.every((leaf) => leaf.verify(ca.publicKey))
    );
  } catch {
    return false;
  }
}

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
}

async function createAuthority(): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=sms-analytics local CA (throw-away)',
    ...validity(CA_DAYS),
    keys: keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function issue(authority: Authority, name: Identity): Promise<{ cert: string; key: string }> {
  const keys = await generateKeys();
  const uri = { type: 'url' as const, value: `spiffe://${TRUST_DOMAIN}/${IDENTITIES[name]}` };
  const isServer = name === 'sms-analytics';
  const hosts = [
    { type: 'dns' as const, value: 'localhost' },
    { type: 'ip' as const, value: '127.0.0.1' },
    { type: 'ip' as const, value: '::1' },
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${name}`,
    issuer: authority.certificate.subject,
    ...validity(LEAF_DAYS),
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        ...(isServer ? [x509.ExtendedKeyUsage.serverAuth] : []),
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([uri, ...(isServer ? hosts : [])]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const body = der.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
  };
}

/** A positive serial number of 127 random bits, hexadecimal. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** From an hour ago (clocks differ) for this many days. */
function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + days * DAY_MS) };
}

/** Writes beside the file and renames, so that a reader never sees half of it. */
function write(file: string, text: string, mode: number): void {
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, text.endsWith('\n') ? text : `${text}\n`, { mode });
  renameSync(fresh, file);
}

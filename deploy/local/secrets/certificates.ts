// The throw-away certificate authority of the local stack and one certificate per identity, as
// SPIFFE IDs of the trust domain `sms.example`. Keys are readable by their owner only; what expires
// within a day is made anew. Never used outside this machine: production identities come from the
// mesh.

import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Authority, createAuthority, type Issued, issue } from './authority.js';

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

/**
 * The certificate files in `directory`, all valid for a day at least; makes them where they are
 * not.
 */
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
  const authority = await createAuthority('sms-analytics local CA (throw-away)', CA_DAYS);
  for (const name of names) {
    const leaf = await certify(authority, name);
    write(files.identities[name].key, leaf.key, 0o600);
    write(files.identities[name].cert, leaf.cert, 0o644);
  }
  write(files.ca, authority.pem, 0o644);
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

/** The certificate of a workload; the service's own is good for the names of this machine, too. */
function certify(authority: Authority, name: Identity): Promise<Issued> {
  const isServer = name === 'sms-analytics';
  return issue(authority, {
    commonName: name,
    uris: [`spiffe://${TRUST_DOMAIN}/${IDENTITIES[name]}`],
    ...(isServer ? { dns: ['localhost'], ips: ['127.0.0.1', '::1'] } : {}),
    usages: isServer ? ['client', 'server'] : ['client'],
    notAfter: new Date(Date.now() + LEAF_DAYS * DAY_MS),
  });
}

/** Writes beside the file and renames, so that a reader never sees half of it. */
function write(file: string, text: string, mode: number): void {
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, text.endsWith('\n') ? text : `${text}\n`, { mode });
  renameSync(fresh, file);
}

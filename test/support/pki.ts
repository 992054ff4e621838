// Certificates for tests of the gRPC port: one authority, the service, and any caller by its SPIFFE
// path.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  createAuthority,
  type Issued,
  issue,
} from '../../deploy/local/secrets/authority.js';

export { type Authority, createAuthority, type Issued, issue };

export const TRUST_DOMAIN = 'spiffe://sms.example';
export const ADMIN = `${TRUST_DOMAIN}/ns/admin-dashboard/sa/admin-dashboard`;
export const PORTAL = `${TRUST_DOMAIN}/ns/customer-portal/sa/customer-portal`;
export const OPS = `${TRUST_DOMAIN}/ns/sms-analytics/sa/ops`;
export const ETL = `${TRUST_DOMAIN}/ns/sms-analytics/sa/anlyt-etl`;
export const STRANGER = `${TRUST_DOMAIN}/ns/stranger/sa/stranger`;
export const SERVICE = `${TRUST_DOMAIN}/ns/sms-analytics/sa/sms-analytics`;

/** A client certificate of one SPIFFE ID. */
export function issueCaller(authority: Authority, uri: string): Promise<Issued> {
  return issue(authority, { commonName: 'caller', uris: [uri], usages: ['client'] });
}

/** The service's own certificate, for localhost. */
export function issueService(authority: Authority): Promise<Issued> {
  return issue(authority, {
    commonName: 'sms-analytics',
    uris: [SERVICE],
    dns: ['localhost'],
    ips: ['127.0.0.1'],
  });
}

/**
 * Certificate files in a folder of their own, rewritten as a rotation would: beside the file, then
 * renamed.
 */
export class CertificateFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  readonly certFile = join(this.folder, 'tls.crt');
  readonly keyFile = join(this.folder, 'tls.key');
  readonly caFile = join(this.folder, 'ca.crt');

  write(parts: { cert?: string; key?: string; ca?: string }): void {
    if (parts.cert !== undefined) replace(this.certFile, parts.cert);
    if (parts.key !== undefined) replace(this.keyFile, parts.key);
    if (parts.ca !== undefined) replace(this.caFile, parts.ca);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

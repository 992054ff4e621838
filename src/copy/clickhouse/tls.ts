// The certificates with which ClickHouse is reached, read anew for every client, so that a renewed
// file is used from the next run on. What is configured is used or refused, never dropped: a
// connection is not less safe than it looks.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigFaults } from '../../platform/settings/config.js';

/** Paths of PEM files, as configured. */
export interface TlsFiles {
  readonly url: string;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** What the client takes. Without an authority of its own it trusts those of the system. */
export interface TlsMaterial {
  readonly tls?:
    | { readonly ca_cert: Buffer }
    | { readonly ca_cert: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** @throws ConfigFaults naming every variable that is wrong. */
export function readTls({ url, caFile, certFile, keyFile }: TlsFiles): TlsMaterial {
  const faults: string[] = [];
  const given = [caFile, certFile, keyFile].some((file) => file !== undefined);
  if (given && new URL(url).protocol !== 'https:') {
    faults.push(
      'CLICKHOUSE_URL: http:// uses no certificate, expected https:// or no CLICKHOUSE_CA_FILE',
    );
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    faults.push('CLICKHOUSE_CERT_FILE, CLICKHOUSE_KEY_FILE: one without the other, expected both');
  } else if (certFile !== undefined && caFile === undefined) {
    faults.push('CLICKHOUSE_CA_FILE: not set, expected with CLICKHOUSE_CERT_FILE');
  }
  const read = (name: string, file: string | undefined): Buffer | undefined => {
    try {
      return file === undefined ? undefined : readFileSync(file);
    } catch (error) {
      faults.push(`${name}: the file cannot be read (${codeOf(error)})`);
      return undefined;
    }
  };
  const ca = read('CLICKHOUSE_CA_FILE', caFile);
  const cert = read('CLICKHOUSE_CERT_FILE', certFile);
  const key = read('CLICKHOUSE_KEY_FILE', keyFile);
  if (faults.length === 0) faults.push(...unfit(ca, cert, key));
  if (faults.length > 0) throw new ConfigFaults(faults);
  if (ca === undefined) return {};
  if (cert === undefined || key === undefined) return { tls: { ca_cert: ca } };
  return { tls: { ca_cert: ca, cert, key } };
}

/** OpenSSL would say so in the middle of a handshake. */
function unfit(ca?: Buffer, cert?: Buffer, key?: Buffer): string[] {
  const faults: string[] = [];
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    faults.push('CLICKHOUSE_CA_FILE: no certificate in it, expected PEM');
  }
  try {
    createSecureContext({ ...(cert && { cert }), ...(key && { key }) });
  } catch (error) {
    faults.push(
      `CLICKHOUSE_CERT_FILE, CLICKHOUSE_KEY_FILE: not a certificate and its key (${codeOf(error)})`,
    );
  }
  return faults;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

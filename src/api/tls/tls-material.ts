// The service's certificate, key and authorities as files that something else (Vault, cert-manager,
// a script) rewrites. They are read every few seconds and taken only as a whole that works: the key
// fits the certificate, the certificate is valid now, every authority can be read. On anything else
// the last good set stays in use and is alarmed.
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { readEveryCertificate } from '../../platform/pem.js';

/** Where the three files are. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** A set that works. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Differs whenever any of the three files differs. */
  readonly fingerprint: string;
}

/**
 * Reads and checks the files. Rejects with what is wrong and in which file; a retry can cure a
 * write in progress.
 */
export async function loadTlsMaterial(files: TlsFiles, nowMs: number): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all(
    [files.certFile, files.keyFile, files.caFile].map(readPem),
  );
  if (cert === undefined || key === undefined || ca === undefined) throw new Error('unreachable');
  const leaf = inFile(files.certFile, () => new X509Certificate(cert));
  inFile(files.caFile, () => readEveryCertificate(ca));
  inFile(files.certFile, () => readEveryCertificate(cert));
  inFile(files.keyFile, () => createSecureContext({ cert, key, ca }));
  const validFromMs = Date.parse(leaf.validFrom);
  const validToMs = Date.parse(leaf.validTo);
  if (nowMs < validFromMs) throw new Error(`${files.certFile}: not valid before ${leaf.validFrom}`);
  if (nowMs >= validToMs) throw new Error(`${files.certFile}: expired ${leaf.validTo}`);
  const fingerprint = createHash('sha256').update(cert).update(key).update(ca).digest('hex');
  return { cert, key, ca, validFromMs, validToMs, fingerprint };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`${path}: cannot be read`, { cause });
  }
}

/** Names the file in a fault; the text of a crypto error says nothing about the key. */
function inFile<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    throw new Error(`${path}: not usable, or the certificate and the key do not belong together`, {
      cause,
    });
  }
}

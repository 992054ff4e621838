// Certificates in a file that something else may be writing at this moment.
import { X509Certificate } from 'node:crypto';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/**
 * Throws unless a file has certificates and every one that it begins can be read: OpenSSL passes
 * over one that is cut off.
 */
export function readEveryCertificate(pem: Buffer): void {
  const [before = '', ...blocks] = pem.toString('latin1').split(BEGIN);
  if (blocks.length === 0) throw new Error('no certificate');
  if (before.includes(END)) throw new Error('a certificate without its beginning');
  for (const block of blocks) {
    if (block.split(END).length !== 2) throw new Error('a certificate without its end');
    new X509Certificate(BEGIN + block);
  }
}

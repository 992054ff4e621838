// Certificate files that do not work: the client says which option and which file is wrong.

import { unlinkSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAnalyticsClient } from '../../../src/client/index.js';
import {
  ADMIN,
  type Authority,
  CertificateFolder,
  createAuthority,
  issueCaller,
} from '../../support/pki.js';

let authority: Authority;
let files: CertificateFolder;
beforeAll(async () => {
  authority = await createAuthority('test authority', 1);
});
beforeEach(async () => {
  files = new CertificateFolder();
  files.write({ ...(await issueCaller(authority, ADMIN)), ca: authority.pem });
});
afterEach(() => files.remove());

const PARTS = [
  ['ca', 'caFile'],
  ['cert', 'certFile'],
  ['key', 'keyFile'],
] as const;

function create(): void {
  createAnalyticsClient({
    target: 'localhost:1',
    tls: { ca: files.caFile, cert: files.certFile, key: files.keyFile },
    defaultDeadlineMs: 1_000,
  }).close();
}

/** What is thrown: its message and the one of its cause. */
function fault(): [string, string] {
  try {
    create();
  } catch (error) {
    const { message, cause } = error as Error;
    return [message, (cause as Error).message];
  }
  throw new Error('a client was created');
}

it('files that work make a client', () => expect(create).not.toThrow());

it.each(PARTS)('a missing file is named, with its option: tls.%s', (option, part) => {
  unlinkSync(files[part]);
  const [message, cause] = fault();
  expect(message).toBe(`tls.${option}: the file ${files[part]} cannot be read`);
  expect(cause).toContain('ENOENT');
});

it.each(PARTS.slice(0, 2))('a file without a certificate is named: tls.%s', (option, part) => {
  files.write({ [option]: 'no certificate' });
  const [message] = fault();
  expect(message).toBe(`tls.${option}: the file ${files[part]} holds no usable certificate`);
});

it('the key of another certificate is named, and so is what is no key', async () => {
  const expected = `tls.key: the file ${files.keyFile} holds no key, or not that of tls.cert`;
  files.write({ key: (await issueCaller(authority, ADMIN)).key });
  expect(fault()[0]).toBe(expected);
  files.write({ key: 'SECRET' });
  expect(fault()[0]).toBe(expected);
  expect(fault().join()).not.toContain('SECRET');
});

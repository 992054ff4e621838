// The URI subject alternative names of a certificate. Node prints all names in one line. Since
// 16.13.2 (CVE-2021-44532) it writes a name that could pose as several as a JSON string, its commas
// escaped. The line is tokenised by that whole grammar and never searched.
import { X509Certificate } from 'node:crypto';

/** One name, quoted where it is ambiguous, and the separator or the end after it. */
const NAME = /([A-Za-z0-9 ]+):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/y;

/**
 * Every URI among the subject alternative names, in order, one character per byte (latin1), so that
 * no two different byte strings become equal.
 *
 * @throws if the bytes are no certificate, or its names are not in Node's grammar.
 */
export function certificateUris(der: Buffer): string[] {
  const names = new X509Certificate(der).subjectAltName ?? '';
  const uris: string[] = [];
  for (NAME.lastIndex = 0; NAME.lastIndex < names.length; ) {
    const [, kind, quoted, plain = ''] = NAME.exec(names) ?? [];
    if (kind === undefined) throw new Error('the alternative names cannot be told apart');
    if (kind === 'URI') uris.push(quoted === undefined ? plain : JSON.parse(quoted));
  }
  return uris;
}

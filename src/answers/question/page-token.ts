// Where the next page begins. A token is bound to the question that it came from and to nothing
// else: it authorises nothing, and a changed or foreign one is a wrong argument.
import { createHash } from 'node:crypto';
import type { FieldViolation } from '../../domain/failure.js';

const VERSION = 1;
const CHECKSUM_LENGTH = 11;
const MAX_LENGTH = 200;

/** A digest of a question; `encoded` is its bytes without page_size and page_token. */
export function questionDigest(rpc: string, encoded: Uint8Array): string {
  return createHash('sha256').update(`${rpc}\n`).update(encoded).digest('base64url').slice(0, 22);
}

/** The token of the page that begins at row `offset` of a question. */
export function pageTokenOf(question: string, offset: number): string {
  const payload = Buffer.from(JSON.stringify([VERSION, offset, question])).toString('base64url');
  return `${payload}.${checksumOf(payload)}`;
}

/**
 * The offset that a token names, 0 for none; adds a violation and answers 0 where it is not one of
 * `question`.
 */
export function readPageToken(
  token: string,
  question: () => string,
  violations: FieldViolation[],
): number {
  if (token === '') return 0;
  const offset = token.length <= MAX_LENGTH ? offsetIn(token, question()) : undefined;
  if (offset === undefined) {
    const description = 'is not a token of this question: send its other arguments unchanged';
    violations.push({ field: 'page_token', description });
  }
  return offset ?? 0;
}

function offsetIn(token: string, question: string): number | undefined {
  const [payload = '', checksum, ...more] = token.split('.');
  if (more.length > 0 || checksum !== checksumOf(payload)) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    if (!Array.isArray(parsed)) return undefined;
    const [version, offset, origin] = parsed as unknown[];
    const valid = version === VERSION && origin === question && Number.isSafeInteger(offset);
    return valid && (offset as number) > 0 ? (offset as number) : undefined;
  } catch {
    return undefined;
  }
}

function checksumOf(payload: string): string {
  const digest = createHash('sha256').update(`page ${payload}`).digest('base64url');
  return digest.slice(0, CHECKSUM_LENGTH);
}

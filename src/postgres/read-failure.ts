// From what a read throws to the failures that are answered; judged by SQLSTATE and by the codes of
// Node's sockets, never by message text. Anything unknown stays as it is: a bug of ours, INTERNAL.
import { Cancelled, DeadlineExceeded, ResourceExhausted, Unavailable } from '../domain/failure.js';

const QUERY_CANCELED = '57014';
const TOO_MANY_CONNECTIONS = '53300';
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/**
 * The failure behind `error`; `error` itself where it is not an expected one. SQLSTATE classes: 08
 * connection, 28 authorization (a password that is being rotated), 53 resources, 57 operator
 * intervention (PostgreSQL, appendix A).
 */
export function readFailureOf(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return new Cancelled({ cause: error });
  const code = codeOf(error);
  if (code === QUERY_CANCELED) {
    return new DeadlineExceeded('the database took too long', { cause: error });
  }
  if (code === TOO_MANY_CONNECTIONS || code?.startsWith('53')) {
    return new ResourceExhausted('the database is at its limits', { cause: error });
  }
  // An error without any code comes from the driver: the connection ended or never came about.
  if (code === undefined ? isDriverError(error) : isConnectionCode(code)) {
    return new Unavailable('the database is away', { cause: error });
  }
  return error;
}

function isConnectionCode(code: string): boolean {
  return SOCKET_CODES.has(code) || ['08', '28', '57'].includes(code.slice(0, 2));
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Plain errors only: a TypeError or RangeError is ours. */
function isDriverError(error: unknown): boolean {
  return error instanceof Error && Object.getPrototypeOf(error) === Error.prototype;
}

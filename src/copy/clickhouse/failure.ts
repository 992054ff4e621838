// What went wrong with ClickHouse, told by code and never by message text: whether waiting can cure
// it, whether tables differ from what this build expects, or whether a person has to look.
import { ClickHouseError } from '@clickhouse/client';

/**
 * `unavailable` and `full` may pass by themselves; `refused` needs a grant, `untrusted` another
 * certificate or authority, `schema` a migration.
 */
export type WarehouseFailureKind =
  | 'unavailable'
  | 'full'
  | 'refused'
  | 'untrusted'
  | 'schema'
  | 'unexpected';

/**
 * A failed operation on ClickHouse. The message names the operation; the cause is the client's
 * error.
 */
export class WarehouseFailure extends Error {
  constructor(
    readonly kind: WarehouseFailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'WarehouseFailure';
  }
}

// Codes of src/Common/ErrorCodes.cpp of ClickHouse.
const kindByCode: Readonly<Record<string, WarehouseFailureKind>> = {
  159: 'unavailable', // TIMEOUT_EXCEEDED
  202: 'unavailable', // TOO_MANY_SIMULTANEOUS_QUERIES
  209: 'unavailable', // SOCKET_TIMEOUT
  210: 'unavailable', // NETWORK_ERROR
  225: 'unavailable', // NO_ZOOKEEPER
  236: 'unavailable', // ABORTED
  242: 'unavailable', // TABLE_IS_READ_ONLY
  285: 'unavailable', // TOO_FEW_LIVE_REPLICAS
  286: 'unavailable', // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  289: 'unavailable', // REPLICA_IS_NOT_IN_QUORUM
  319: 'unavailable', // UNKNOWN_STATUS_OF_INSERT
  999: 'unavailable', // KEEPER_EXCEPTION
  75: 'full', // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  173: 'full', // CANNOT_ALLOCATE_MEMORY
  201: 'full', // QUOTA_EXCEEDED
  241: 'full', // MEMORY_LIMIT_EXCEEDED
  243: 'full', // NOT_ENOUGH_SPACE
  252: 'full', // TOO_MANY_PARTS
  290: 'full', // LIMIT_EXCEEDED
  192: 'refused', // UNKNOWN_USER
  193: 'refused', // WRONG_PASSWORD
  194: 'refused', // REQUIRED_PASSWORD
  497: 'refused', // ACCESS_DENIED
  516: 'refused', // AUTHENTICATION_FAILED
  10: 'schema', // NOT_FOUND_COLUMN_IN_BLOCK
  16: 'schema', // NO_SUCH_COLUMN_IN_TABLE
  47: 'schema', // UNKNOWN_IDENTIFIER
  53: 'schema', // TYPE_MISMATCH
  60: 'schema', // UNKNOWN_TABLE
  81: 'schema', // UNKNOWN_DATABASE
};

const advice: Readonly<Record<WarehouseFailureKind, string>> = {
  unavailable: 'ClickHouse cannot be reached or does not answer in time; the next run continues',
  full: 'ClickHouse has no room for more; make room, the next run continues',
  refused: 'ClickHouse refuses the credential or lacks a grant; see deploy/clickhouse/grants.sql',
  untrusted:
    'no trusted TLS connection to ClickHouse; see CLICKHOUSE_CA_FILE, CLICKHOUSE_CERT_FILE ' +
    'and the host name in CLICKHOUSE_URL',
  schema: 'ClickHouse has other tables than this build expects; run `anlyt-etl migrate`',
  unexpected: 'ClickHouse answered with an error',
};

/** The failure of `operation`, classified. A WarehouseFailure is passed through. */
export function warehouseFailure(operation: string, error: unknown): WarehouseFailure {
  if (error instanceof WarehouseFailure) return error;
  const kind = kindOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const detail = isForeignAnswer(error) ? `an answer that is not ClickHouse's: ${text}` : text;
  return new WarehouseFailure(kind, `${operation}: ${advice[kind]} (${firstLine(detail)})`, {
    cause: error,
  });
}

/** The server quotes rows in the lines that follow. */
function firstLine(text: string): string {
  return (text.trim().split('\n', 1)[0] ?? '').slice(0, 300);
}

function kindOf(error: unknown): WarehouseFailureKind {
  if (error instanceof ClickHouseError) return kindByCode[error.code] ?? 'unexpected';
  if (error instanceof Error && isTlsError(error)) return 'untrusted';
  if (error instanceof Error && isNetworkError(error)) return 'unavailable';
  if (isForeignAnswer(error)) return 'unavailable';
  return 'unexpected';
}

/**
 * A failed answer without an exception of ClickHouse: a proxy's 502, 503, 504 or 429. The client
 * keeps no status; it throws the body as a plain Error, where a fault of the program would be a
 * TypeError, RangeError or SyntaxError.
 */
function isForeignAnswer(error: unknown): boolean {
  return (
    error instanceof Error &&
    Object.getPrototypeOf(error) === Error.prototype &&
    !('code' in error) &&
    !isNetworkError(error)
  );
}

// Verdicts of OpenSSL on the server's certificate (X509_V_ERR_…), as Node names them.
const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * A wrong name is ERR_TLS_…; what the handshake itself refuses, on either side, is ERR_SSL_… or
 * EPROTO.
 */
function isTlsError({ code }: Error & { code?: unknown }): boolean {
  if (typeof code !== 'string') return false;
  return certificateCodes.has(code) || /^(ERR_TLS_|ERR_SSL_|EPROTO$)/.test(code);
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** The client words its own time-out without a code: `Timeout error.` */
function isNetworkError(error: Error & { code?: unknown }): boolean {
  if (typeof error.code === 'string' && networkCodes.has(error.code)) return true;
  if (error instanceof AggregateError) return error.errors.some((one) => isNetworkError(one));
  return /^Timeout error|socket hang up|aborted/.test(error.message);
}

/** Runs `work`; whatever it throws becomes the failure of `operation`. */
export async function onWarehouse<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw warehouseFailure(operation, error);
  }
}

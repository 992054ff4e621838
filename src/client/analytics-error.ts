// What a failed call tells a program: the code, the service's reason, every wrong field, and
// whether a retry can help.
import { status as GrpcCode, Metadata, type ServiceError } from '@grpc/grpc-js';
import { BadRequest, ErrorInfo } from '../generated/proto/google/rpc/error_details.js';
import { Status } from '../generated/proto/google/rpc/status.js';

/** The name of a gRPC status code, such as `INVALID_ARGUMENT`. */
export type CodeName = keyof typeof GrpcCode;

/** One wrong field of a request. */
export interface WrongField {
  /** Path in the request, such as `range.start`. */
  readonly field: string;
  readonly description: string;
}

const RETRYABLE: ReadonlySet<CodeName> = new Set([
  'UNAVAILABLE',
  'RESOURCE_EXHAUSTED',
  'DEADLINE_EXCEEDED',
]);

/** RESOURCE_EXHAUSTED as well, but it is as large the next time. */
const TOO_LARGE = 'MESSAGE_TOO_LARGE';

/** A call that was not answered. */
export class AnalyticsError extends Error {
  readonly code: CodeName;
  /**
   * The service's reason in UPPER_SNAKE, such as `INVALID_QUESTION`; undefined where it never
   * reached the service.
   */
  readonly reason: string | undefined;
  /** Every wrong field of the request; empty unless the code is `INVALID_ARGUMENT`. */
  readonly fieldViolations: readonly WrongField[];
  /** What to quote to the people who run the service. */
  readonly correlationId: string | undefined;
  /** Whether the same call can succeed later. `UNAVAILABLE` was retried already. */
  readonly retryable: boolean;

  constructor(error: ServiceError, options?: { cause?: unknown }) {
    const code = (GrpcCode[error.code] ?? 'UNKNOWN') as CodeName;
    const details = decodeDetails(error);
    const fields = details.fieldViolations.map((wrong) => `${wrong.field}: ${wrong.description}`);
    super([`${code}: ${error.details}`, ...fields].join('; '), { cause: options?.cause ?? error });
    this.name = 'AnalyticsError';
    this.code = code;
    this.reason = details.reason;
    this.fieldViolations = details.fieldViolations;
    this.correlationId = details.correlationId;
    this.retryable = RETRYABLE.has(code) && details.reason !== TOO_LARGE;
  }
}

/**
 * A call that never left the process: the client is closed, or the request cannot be written. No
 * retry cures it.
 */
export function notSent(
  code: 'FAILED_PRECONDITION' | 'INVALID_ARGUMENT',
  details: string,
  cause?: unknown,
): AnalyticsError {
  const error = Object.assign(new Error(details), {
    code: GrpcCode[code],
    details,
    metadata: new Metadata(),
  });
  return new AnalyticsError(error, cause === undefined ? {} : { cause });
}

interface Details {
  readonly reason: string | undefined;
  readonly correlationId: string | undefined;
  readonly fieldViolations: readonly WrongField[];
}

/**
 * google.rpc.Status of the trailers; nothing of it where a proxy answered instead of the service.
 */
function decodeDetails(error: ServiceError): Details {
  const nothing = { reason: undefined, correlationId: undefined, fieldViolations: [] };
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!Buffer.isBuffer(bytes)) return nothing;
  try {
    const { details } = Status.decode(bytes);
    const find = (type: string) =>
      details.find((any) => any.typeUrl === `type.googleapis.com/google.rpc.${type}`)?.value;
    const info = find('ErrorInfo');
    const bad = find('BadRequest');
    const decoded = info && ErrorInfo.decode(info);
    return {
      reason: decoded?.reason,
      correlationId: decoded?.metadata.get('correlation_id'),
      fieldViolations: (bad ? BadRequest.decode(bad).fieldViolations : []).map(
        ({ field, description }) => ({ field, description }),
      ),
    };
  } catch {
    return nothing;
  }
}

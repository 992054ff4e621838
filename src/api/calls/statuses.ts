// The one table from failures to gRPC statuses, and how a status is sent: a constant message, one
// ErrorInfo of the domain analytics.sms, a BadRequest with every wrong field, a correlation id.
// Invariant: nothing of the thrown error but the violations of an InvalidQuestion ever reaches the
// caller. https://google.aip.dev/193
import { status as GrpcCode, Metadata, type StatusObject } from '@grpc/grpc-js';
import { type Failure, type FieldViolation, isFailure } from '../../domain/failure.js';
import { BadRequest, ErrorInfo } from '../../generated/proto/google/rpc/error_details.js';
import { Status } from '../../generated/proto/google/rpc/status.js';

const DOMAIN = 'analytics.sms';
/** The list of what operators can be ordered by takes 296; nothing of it may be lost. */
const LONGEST_DESCRIPTION = 500;
const MOST_VIOLATIONS = 50;

/** What a caller is told: a code, a reason for programs, a message for people. */
export interface Refusal {
  readonly code: GrpcCode;
  readonly reason: string;
  readonly message: string;
}

/** Every refusal there is, by reason. */
export const refusals = {
  unauthenticated: {
    code: GrpcCode.UNAUTHENTICATED,
    reason: 'UNAUTHENTICATED',
    message: 'the caller could not be identified',
  },
  denied: {
    code: GrpcCode.PERMISSION_DENIED,
    reason: 'PERMISSION_DENIED',
    message: 'the caller may not do this',
  },
  invalidQuestion: {
    code: GrpcCode.INVALID_ARGUMENT,
    reason: 'INVALID_QUESTION',
    message: 'the question is wrong; the details name every wrong field',
  },
  malformed: {
    code: GrpcCode.INVALID_ARGUMENT,
    reason: 'MALFORMED_REQUEST',
    message: 'the request is not a well-formed message of this method',
  },
  oversize: {
    code: GrpcCode.RESOURCE_EXHAUSTED,
    reason: 'MESSAGE_TOO_LARGE',
    message: 'the message is larger than allowed',
  },
  resourceExhausted: {
    code: GrpcCode.RESOURCE_EXHAUSTED,
    reason: 'RESOURCE_EXHAUSTED',
    message: 'too much is asked at once; try again later',
  },
  unavailable: {
    code: GrpcCode.UNAVAILABLE,
    reason: 'UNAVAILABLE',
    message: 'the service cannot answer now; try again later',
  },
  deadlineExceeded: {
    code: GrpcCode.DEADLINE_EXCEEDED,
    reason: 'DEADLINE_EXCEEDED',
    message: 'the answer was not ready in time',
  },
  cancelled: {
    code: GrpcCode.CANCELLED,
    reason: 'CANCELLED',
    message: 'the caller cancelled',
  },
  notFound: {
    code: GrpcCode.NOT_FOUND,
    reason: 'NOT_FOUND',
    message: 'there is nothing of that name',
  },
  unimplemented: {
    code: GrpcCode.UNIMPLEMENTED,
    reason: 'UNIMPLEMENTED',
    message: 'the service cannot do this',
  },
  internal: {
    code: GrpcCode.INTERNAL,
    reason: 'INTERNAL',
    message: 'the service failed; quote the correlation id',
  },
} as const satisfies Record<string, Refusal>;

const byFailure: Readonly<Record<Failure['kind'], Refusal>> = {
  invalid_question: refusals.invalidQuestion,
  out_of_scope: refusals.denied,
  not_found: refusals.notFound,
  unavailable: refusals.unavailable,
  resource_exhausted: refusals.resourceExhausted,
  deadline_exceeded: refusals.deadlineExceeded,
  cancelled: refusals.cancelled,
};

/** The refusal for anything thrown; what is not an expected failure is a bug of ours. */
export function refusalFor(thrown: unknown): Refusal {
  return isFailure(thrown) ? byFailure[thrown.kind] : refusals.internal;
}

/**
 * A status that can be sent: details both as text and as google.rpc.Status in
 * `grpc-status-details-bin`.
 */
export function statusOf(
  refusal: Refusal,
  correlationId: string,
  violations: readonly FieldViolation[] = [],
): StatusObject {
  const details = [
    {
      typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo',
      value: Buffer.from(
        ErrorInfo.encode({
          reason: refusal.reason,
          domain: DOMAIN,
          metadata: new Map([['correlation_id', correlationId]]),
        }).finish(),
      ),
    },
  ];
  if (violations.length > 0) {
    const fieldViolations = violations.slice(0, MOST_VIOLATIONS).map(({ field, description }) => ({
      field,
      description: description.slice(0, LONGEST_DESCRIPTION),
      reason: '',
      localizedMessage: undefined,
    }));
    details.push({
      typeUrl: 'type.googleapis.com/google.rpc.BadRequest',
      value: Buffer.from(BadRequest.encode({ fieldViolations }).finish()),
    });
  }
  const metadata = new Metadata();
  const { code, message } = refusal;
  metadata.set(
    'grpc-status-details-bin',
    Buffer.from(Status.encode({ code, message, details }).finish()),
  );
  return { code, details: message, metadata };
}

// The expected failures of answering a question, as a closed union. Thrown by a use case, turned
// into a gRPC status in one exhaustive table (src/api/calls/statuses.ts). Invariant: a failure
// never carries SQL, hosts or payloads in its message; what went wrong underneath travels as
// `cause` and is logged once, never answered.

/**
 * One wrong field of a question: `field` as a proto path (`range.start`), `description` in plain
 * words for its author.
 */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/**
 * Why a question was not answered. Only `unavailable`, `resource_exhausted` and `deadline_exceeded`
 * are worth a retry.
 */
export type FailureKind =
  | 'invalid_question'
  | 'out_of_scope'
  | 'not_found'
  | 'unavailable'
  | 'resource_exhausted'
  | 'deadline_exceeded'
  | 'cancelled';

/** What every failure has in common; switch over `kind` to be exhaustive. */
abstract class AnswerFailure extends Error {
  abstract readonly kind: FailureKind;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The question itself is wrong: lists every wrong field. No retry can cure it. */
export class InvalidQuestion extends AnswerFailure {
  readonly kind = 'invalid_question';

  constructor(readonly violations: readonly FieldViolation[]) {
    super(`invalid: ${violations.map((violation) => violation.field).join(', ')}`);
  }
}

/**
 * The question is about something outside the caller's scope. The same whether that thing exists or
 * not.
 */
export class OutOfScope extends AnswerFailure {
  readonly kind = 'out_of_scope';

  constructor() {
    super('outside the scope of the caller');
  }
}

/**
 * There is nothing of the name that was asked for. Never used where a name's existence is itself a
 * secret.
 */
export class NotFound extends AnswerFailure {
  readonly kind = 'not_found';
}

/**
 * What the answer depends on is away (database down, still starting); a later retry can cure it.
 */
export class Unavailable extends AnswerFailure {
  readonly kind = 'unavailable';
}

/** A bound of ours is reached (pool full, too many calls at once); a later retry can cure it. */
export class ResourceExhausted extends AnswerFailure {
  readonly kind = 'resource_exhausted';
}

/** The caller's deadline, or the server's cap on it, passed first. */
export class DeadlineExceeded extends AnswerFailure {
  readonly kind = 'deadline_exceeded';
}

/** The caller no longer wants the answer. */
export class Cancelled extends AnswerFailure {
  readonly kind = 'cancelled';

  constructor(options?: { cause?: unknown }) {
    super('the caller no longer waits', options);
  }
}

/**
 * Every expected failure. Anything else that is thrown is a bug of ours and is answered INTERNAL.
 */
export type Failure =
  | InvalidQuestion
  | OutOfScope
  | NotFound
  | Unavailable
  | ResourceExhausted
  | DeadlineExceeded
  | Cancelled;

/** Whether something thrown is one of the expected failures. */
export function isFailure(thrown: unknown): thrown is Failure {
  return thrown instanceof AnswerFailure;
}

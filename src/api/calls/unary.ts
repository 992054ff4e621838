// The adapter between grpc-js and a use case, and the one place where errors become statuses. In
// order: find the call's record, decode strictly, hold the account against the caller's scope, run
// the use case under the call's deadline and abort signal, encode, answer once. grpc-js does not
// await handlers: every path ends in the callback, none throws.
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { context } from '@opentelemetry/api';
import type { QueryContext } from '../../answers/question/context.js';
import { InvalidQuestion } from '../../domain/failure.js';
import type { EpochMicros } from '../../domain/time/instant.js';
import type { Clock } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';
import { contextOf } from '../../platform/trace-context.js';
import { accountScope } from '../authorisation/account-scope.js';
import { noteDenial } from '../authorisation/authorise.js';
import type { DenialAudit } from '../authorisation/denials.js';
import { rowAccount } from '../authorisation/row-account.js';
import { type CallRecord, callRecord } from './call-record.js';
import type { LongCalls } from './long-calls.js';
import type { ServerMetrics } from './metrics.js';
import { refusalFor, refusals, statusOf } from './statuses.js';

/** A question's use case: its answer as protobuf encodes it. Throws failures of the domain. */
export type UseCase<Request> = (request: Request, context: QueryContext) => Promise<Uint8Array>;

/** What of a generated message type is needed to read it. */
export interface RequestType<Request> {
  decode(reader: BinaryReader): Request;
}

export interface UnaryOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: DenialAudit;
  readonly metrics: ServerMetrics;
  readonly longCalls: LongCalls;
}

/** Malformed UTF-8 in a string is an error, not a replacement character. */
class StrictReader extends BinaryReader {
  override string(): string {
    return super.string(true);
  }
}

/**
 * A handler on raw bytes, so that nothing is decoded before the call is authorised. Never rejects,
 * answers once. Calls that are `isLong` take turns.
 */
export function unary<Request>(
  requestType: RequestType<Request>,
  useCase: UseCase<Request>,
  options: UnaryOptions,
  isLong: (request: Request) => boolean = () => false,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    void answer(call, requestType, useCase, options, isLong).then(
      (bytes) => callback(null, bytes),
      (thrown: unknown) => refuse(call, callback, thrown, options),
    );
  };
}

async function answer<Request>(
  call: ServerUnaryCall<Buffer, Buffer>,
  requestType: RequestType<Request>,
  useCase: UseCase<Request>,
  options: UnaryOptions,
  isLong: (request: Request) => boolean,
): Promise<Buffer> {
  const record = callRecord(call.metadata);
  const { caller } = record;
  if (caller === undefined) throw new Error('a call bypassed authorisation');
  const request = decode(requestType, call.request);
  const asked = (request as { accountId?: unknown }).accountId;
  const scope = accountScope(caller, call.metadata, asked);
  if (scope.kind === 'refused') {
    noteDenial(options, record, { who: caller.name, reason: scope.reason });
    throw new Denied();
  }
  const accountId = scope.kind === 'account' ? scope.accountId : undefined;
  const leftMs = record.timeoutMs - (options.clock.monotonicMs() - record.startedMs);
  const deadline = options.clock.now() + Math.round(leftMs * 1000);
  const rowAccountId = rowAccount(caller, call.metadata, asked);
  const own = new CallContext(call, accountId, rowAccountId, deadline);
  const work = () => context.with(contextOf(record.span), () => useCase(request, own));
  const { connection } = record;
  const bytes =
    connection !== undefined && isLong(request)
      ? await options.longCalls.run(connection, { signal: own.signal, remainingMs: leftMs }, work)
      : await work();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decode<Request>(requestType: RequestType<Request>, bytes: Buffer): Request {
  const reader = new StrictReader(bytes);
  let request: Request;
  try {
    request = requestType.decode(reader);
  } catch (cause) {
    throw new Malformed('undecodable', { cause });
  }
  // The generated decoder takes a zero tag, or the end of a group, for the end of the message.
  if (reader.pos !== reader.len) throw new Malformed('bytes after the end');
  return request;
}

class Denied extends Error {}
class Malformed extends Error {}

/**
 * Why a signal aborts; given, as the reason that Node would make has a stack trace, for every call.
 */
const GONE = new Error('the call is over');

/** Makes a signal when one is asked for: a remembered answer needs none. */
class CallContext implements QueryContext {
  #signal: AbortSignal | undefined;

  constructor(
    private readonly call: ServerUnaryCall<Buffer, Buffer>,
    readonly accountId: string | undefined,
    readonly rowAccountId: string | undefined,
    readonly deadline: EpochMicros,
  ) {}

  get signal(): AbortSignal {
    this.#signal ??= abortSignal(this.call);
    return this.#signal;
  }
}

/**
 * grpc-js emits `cancelled` after every call, the good ones too; an abort after the answer changes
 * nothing.
 */
function abortSignal(call: ServerUnaryCall<Buffer, Buffer>): AbortSignal {
  const controller = new AbortController();
  if (call.cancelled) controller.abort(GONE);
  else call.once('cancelled', () => controller.abort(GONE));
  return controller.signal;
}

function refuse(
  call: ServerUnaryCall<Buffer, Buffer>,
  callback: sendUnaryData<Buffer>,
  thrown: unknown,
  options: UnaryOptions,
): void {
  const record = recordOf(call);
  const refusal =
    thrown instanceof Denied
      ? refusals.denied
      : thrown instanceof Malformed
        ? refusals.malformed
        : refusalFor(thrown);
  if (refusal === refusals.internal || refusal === refusals.unavailable) {
    const { method, correlationId } = record;
    options.log.error('call failed', { method, correlationId, error: thrown });
  }
  const violations = thrown instanceof InvalidQuestion ? thrown.violations : [];
  callback(statusOf(refusal, record.correlationId, violations));
}

function recordOf(
  call: ServerUnaryCall<Buffer, Buffer>,
): Pick<CallRecord, 'method' | 'correlationId'> {
  try {
    return callRecord(call.metadata);
  } catch {
    return { method: 'unknown', correlationId: 'unknown' };
  }
}

// The outermost interceptor: one log line, one span and one set of metrics per call, however it
// ends. It starts the call's record, caps its deadline, and gives the statuses that grpc-js makes
// below every interceptor the same form as ours.
import { status as GrpcCode, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import type { Clock } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';
import { traceIdOf } from '../../platform/trace-context.js';
import { type CallRecord, keepCallRecord, newCallRecord } from './call-record.js';
import type { ServerMetrics } from './metrics.js';
import { connectionOf, type OutgoingStatus, refuseWrongFlags, watchStatus } from './raw-call.js';
import { endServerSpan, startServerSpan } from './server-span.js';
import { type Refusal, refusals, statusOf } from './statuses.js';

export interface AccessLogOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ServerMetrics;
  /** Longest time for one call, whatever deadline the caller asks for. */
  readonly deadlineCapMs: number;
  /** Full names of methods that stay open by design (health watches): no deadline cap. */
  readonly longLived: ReadonlySet<string>;
}

/** Makes the interceptor; it must come first in the list. */
export function accessLog(options: AccessLogOptions): ServerInterceptor {
  const { clock, metrics } = options;
  return (definition, call) => {
    const record = newCallRecord(definition.path.slice(1), clock.monotonicMs(), connectionOf(call));
    const end = endOnce(record, options);
    let madeByUs = false;
    let answering = false;
    let cap: NodeJS.Timeout | undefined;
    watchStatus(call, (status) => {
      const sent = madeByUs ? status : translated(status, answering, record.correlationId);
      end(sent.code);
      return sent;
    });
    refuseWrongFlags(call);
    metrics.started(record.method);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            record.span = startServerSpan(record.method, metadata);
            record.timeoutMs = timeoutOf(call.getDeadline(), record.method, options);
            if (record.timeoutMs === options.deadlineCapMs) {
              cap = setTimeout(() => call.sendStatus(DEADLINE), record.timeoutMs);
            }
            keepCallRecord(metadata, record);
            pass(metadata);
          },
          onReceiveMessage: (message, pass) => {
            metrics.received(record.method);
            pass(message);
          },
          onCancel: () => {
            clearTimeout(cap);
            end(GrpcCode.CANCELLED);
          },
        }),
      sendMessage: (message, pass) => {
        // The timer of a deadline that has passed may fire after an answer that is remembered.
        if (clock.monotonicMs() - record.startedMs >= record.timeoutMs) {
          call.sendStatus(DEADLINE);
          return;
        }
        answering = true;
        metrics.sent(record.method);
        pass(message);
      },
      sendStatus: (status, pass) => {
        madeByUs = true;
        pass(isMiscount(status) ? statusOf(refusals.malformed, record.correlationId) : status);
      },
    });
  };
}

/** As grpc-js itself says it; `translated` gives it our form. */
const DEADLINE = { code: GrpcCode.DEADLINE_EXCEEDED, details: 'Deadline exceeded' };

/**
 * grpc-js's own word for no message, or two, where a method takes one. Ours always have details.
 */
function isMiscount({ code, metadata }: OutgoingStatus): boolean {
  return code === GrpcCode.UNIMPLEMENTED && !metadata?.get('grpc-status-details-bin').length;
}

/** The time left for a call: what the caller asks for, at most the cap. */
function timeoutOf(deadline: Date | number, method: string, options: AccessLogOptions): number {
  const epochMs = typeof deadline === 'number' ? deadline : deadline.getTime();
  const left = epochMs - options.clock.now() / 1000;
  if (options.longLived.has(method)) return left;
  return Math.min(left, options.deadlineCapMs);
}

/** A function that counts and logs the end of a call, and ends its span, once. */
function endOnce(record: CallRecord, options: AccessLogOptions): (code: GrpcCode) => void {
  let ended = false;
  return (code) => {
    if (ended) return;
    ended = true;
    const durationMs = options.clock.monotonicMs() - record.startedMs;
    if (record.span !== undefined) endServerSpan(record.span, code);
    options.metrics.handled(record.method, code, durationMs / 1000);
    options.log.info('call', {
      method: record.method,
      code: GrpcCode[code],
      caller: record.denial?.who ?? record.caller?.name,
      reason: record.denial?.reason,
      durationMs: Math.round(durationMs * 1000) / 1000,
      deadlineMs: Number.isFinite(record.timeoutMs) ? Math.round(record.timeoutMs) : undefined,
      correlationId: record.correlationId,
      traceId: traceIdOf(record.span),
    });
  };
}

/**
 * A status that grpc-js made below the interceptors, in our words: what the client got wrong is
 * never INTERNAL.
 */
function translated(status: OutgoingStatus, answering: boolean, id: string): OutgoingStatus {
  return statusOf(refusalForGrpcJs(status.code, answering), id);
}

function refusalForGrpcJs(code: GrpcCode, answering: boolean): Refusal {
  switch (code) {
    case GrpcCode.DEADLINE_EXCEEDED:
      return refusals.deadlineExceeded;
    case GrpcCode.RESOURCE_EXHAUSTED:
      return refusals.oversize;
    case GrpcCode.UNIMPLEMENTED:
      return refusals.unimplemented;
    default:
      return answering ? refusals.internal : refusals.malformed;
  }
}

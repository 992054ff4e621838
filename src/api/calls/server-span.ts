// The span of one rpc, in the words of OpenTelemetry's conventions for RPC servers, in the trace of
// the caller: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/. Without an SDK in the process
// it only carries the caller's trace.
import { status as GrpcCode, type Metadata } from '@grpc/grpc-js';
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { contextOfParent, parseTrace, tracer } from '../../platform/trace-context.js';

/** Codes that say something of the server; all others blame the call. */
const FAULTS: ReadonlySet<GrpcCode> = new Set([
  GrpcCode.UNKNOWN,
  GrpcCode.DEADLINE_EXCEEDED,
  GrpcCode.UNIMPLEMENTED,
  GrpcCode.INTERNAL,
  GrpcCode.UNAVAILABLE,
  GrpcCode.DATA_LOSS,
]);

/** Begins the span of a call; `method` is `package.Service/Method`. */
export function startServerSpan(method: string, metadata: Metadata): Span {
  const parent = parseTrace(headerOf(metadata, 'traceparent'), () =>
    headerOf(metadata, 'tracestate'),
  );
  const slash = method.lastIndexOf('/');
  const attributes = {
    'rpc.system': 'grpc',
    'rpc.service': method.slice(0, slash),
    'rpc.method': method.slice(slash + 1),
  };
  return tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, contextOfParent(parent));
}

/** Ends it with the call. */
export function endServerSpan(span: Span, code: GrpcCode): void {
  span.setAttribute('rpc.grpc.status_code', code);
  if (FAULTS.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function headerOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return value === undefined ? undefined : String(value);
}

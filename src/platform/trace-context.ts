// W3C trace context from gRPC metadata or NATS headers, as an OpenTelemetry context. Strict: anything that is not
// exactly a version-00-compatible `traceparent` is ignored, so that no foreign text reaches a log line.
import { type Context, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';

// https://www.w3.org/TR/trace-context/#traceparent-header-field-values
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The remote span of a `traceparent`, or undefined where it is absent, malformed or all zeros. */
export function parseTraceparent(header: string | undefined): SpanContext | undefined {
  const match = TRACEPARENT.exec(header ?? '');
  if (match === null) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = match;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** The context to run under: that of the remote span, or the root. */
export function traceContext(span: SpanContext | undefined): Context {
  return span === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, span);
}

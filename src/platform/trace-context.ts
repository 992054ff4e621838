// W3C trace context from gRPC metadata or NATS headers, as an OpenTelemetry context. Strict:
// anything that is not exactly a version-00-compatible `traceparent` is ignored, so that no foreign
// text reaches a log line. Only the API of OpenTelemetry is here: whoever loads an SDK into the
// process (node --import) gets spans, everybody else pays nothing.
import {
  type Context,
  createTraceState,
  INVALID_TRACEID,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { VERSION } from './version.js';

/** Starts all spans of ours. */
export const tracer: Tracer = trace.getTracer('sms-analytics', VERSION);

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

/**
 * The same with what other vendors have said in `tracestate`, which `readTracestate` reads where
 * there is a span.
 */
export function parseTrace(
  traceparent: string | undefined,
  readTracestate: () => string | undefined,
): SpanContext | undefined {
  const span = parseTraceparent(traceparent);
  const tracestate = span && readTracestate();
  // Deprecated for the one of the SDK, which is not here; the API's version is pinned.
  return span && tracestate ? { ...span, traceState: createTraceState(tracestate) } : span;
}

/**
 * Where a child of the remote span begins: in its trace, or in one of its own where there is none.
 */
export function contextOfParent(parent: SpanContext | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

/** The context to do the span's work under. */
export function contextOf(span: Span | undefined): Context {
  return span === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, span);
}

/** What a log line says; undefined where neither a caller nor an SDK has begun a trace. */
export function traceIdOf(span: Span | undefined): string | undefined {
  const traceId = span?.spanContext().traceId;
  return traceId === INVALID_TRACEID ? undefined : traceId;
}

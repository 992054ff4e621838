// What an OpenTelemetry SDK would be told, without one: a provider of tracers that keeps every
// span, and a context that follows promises. One per test file and before the first span, as the
// API keeps the first tracer that it is given.
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** A span as it was begun and ended. */
export interface RecordedSpan {
  readonly name: string;
  readonly options: SpanOptions;
  readonly parent: SpanContext | undefined;
  readonly own: SpanContext;
  readonly attributes: Record<string, unknown>;
  status: SpanStatus | undefined;
  /** How often it was ended. */
  ends: number;
}

/** Registers the provider; returns where its spans are kept, in the order in which they began. */
export function recordSpans(): RecordedSpan[] {
  const spans: RecordedSpan[] = [];
  const tracer = {
    startSpan(name: string, options: SpanOptions = {}, within: Context = context.active()): Span {
      const parent = trace.getSpanContext(within);
      const number = (spans.length + 1).toString(16);
      const traceId = parent?.traceId ?? number.padStart(32, 'e');
      const own = { traceId, spanId: number.padStart(16, 'e'), traceFlags: 1 };
      const attributes = { ...options.attributes };
      const record: RecordedSpan = {
        ...{ name, options, parent, own, attributes },
        ...{ status: undefined, ends: 0 },
      };
      spans.push(record);
      return spanOf(record);
    },
  } as Tracer;
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
  context.setGlobalContextManager(followPromises());
  return spans;
}

function spanOf(record: RecordedSpan): Span {
  return {
    spanContext: () => record.own,
    isRecording: () => record.ends === 0,
    setAttribute(name: string, value: unknown) {
      record.attributes[name] = value;
      return this;
    },
    setStatus(status: SpanStatus) {
      record.status = status;
      return this;
    },
    end() {
      record.ends += 1;
    },
  } as Span;
}

function followPromises(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  return {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (within, act, self, ...args) =>
      storage.run(within, () => act.call(self as never, ...args)),
    bind: (_within, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  };
}

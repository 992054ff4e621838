// The span of one batch, from the commit to its acks. A batch belongs to no publisher's trace, so
// it is linked to theirs: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
// (batch receiving). Without an SDK in the process it does nothing.
import { context, type Link, type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Envelope } from '../nats/envelope.js';
import { STREAM } from '../nats/topology.js';
import { contextOf, contextOfParent, parseTraceparent, tracer } from '../platform/trace-context.js';

/** A batch has thousands of events; SDKs keep 128 links by default. */
const LINKS_MOST = 64;

/**
 * Runs `work` under the batch's span, and ends that with it; resolves and rejects as `work` does.
 */
export async function inBatchSpan<T>(
  envelopes: readonly Envelope[],
  work: () => Promise<T>,
): Promise<T> {
  const span = startBatchSpan(envelopes);
  try {
    return await context.with(contextOf(span), work);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

function startBatchSpan(envelopes: readonly Envelope[]): Span {
  const attributes = {
    'messaging.system': 'nats',
    'messaging.operation.type': 'process',
    'messaging.destination.name': STREAM,
    'messaging.batch.message_count': envelopes.length,
  };
  const options = { kind: SpanKind.CONSUMER, attributes, links: linksOf(envelopes) };
  return tracer.startSpan(`process ${STREAM}`, options, contextOfParent(undefined));
}

/** The first publishers' spans, however many events came without one before them. */
function linksOf(envelopes: readonly Envelope[]): Link[] {
  const links: Link[] = [];
  for (const { traceparent } of envelopes) {
    if (links.length === LINKS_MOST) break;
    const publisher = parseTraceparent(traceparent);
    if (publisher !== undefined) links.push({ context: publisher });
  }
  return links;
}

// An envelope is a JetStream message with its settlement. Acks are explicit, always: acknowledging
// all up to a sequence would acknowledge what another process has pulled and lost. They are sent
// only after the commit, as raw publishes to the reply subject: half the cost of JsMsg.ack().
import type { Msg, NatsConnection } from 'nats';
import type { EpochMicros } from '../domain/time/instant.js';
import type { PublishedEvent } from './published-event.js';

export interface Envelope extends PublishedEvent {
  readonly replySubject: string;
  readonly redelivered: boolean;
  /** W3C trace context of the publisher, where there is one. */
  readonly traceparent: string | undefined;
}

const ACK = new TextEncoder().encode('+ACK');

/** Acknowledges. An ack is a hint: it may be lost, and the server may forget it. */
export function acknowledge(
  connection: Pick<NatsConnection, 'publish'>,
  envelopes: readonly Envelope[],
): void {
  for (const { replySubject } of envelopes) connection.publish(replySubject, ACK);
}

/**
 * The envelope of a message that a pull delivered. The reply subject is `$JS.ACK.[<domain>.<account
 * hash>.]<stream>.<durable>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>[.<token>]`
 * (nats-server, ADR-15): read from the place of the stream, which both forms have seven before the
 * end.
 */
export function envelopeOf(message: Msg): Envelope {
  const { headers, reply: replySubject = '' } = message;
  const tokens = replySubject.split('.');
  const stream = tokens.length >= 11 ? 4 : 2;
  return {
    subject: message.subject,
    contentType: headers?.get('content-type') || undefined,
    traceparent: headers?.get('traceparent') || undefined,
    payload: message.data,
    sequence: Number(tokens[stream + 3]),
    timestamp: microsOfNanos(tokens[stream + 5] ?? ''),
    replySubject,
    redelivered: tokens[stream + 2] !== '1',
  };
}

/** Whole microseconds of decimal nanoseconds, without rounding through a float. */
function microsOfNanos(nanos: string): EpochMicros {
  return Number(nanos.slice(0, -3));
}

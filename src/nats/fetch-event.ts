// One event out of the stream by its sequence, as a pull would have brought it: for judging a dead
// letter again. Needs no durable and acknowledges nothing.
import type { JetStreamManager } from 'nats';
import { parseInstant } from '../domain/time/instant.js';
import { NO_MESSAGE_FOUND, unless } from './api-errors.js';
import type { PublishedEvent } from './published-event.js';
import { STREAM } from './topology.js';

/**
 * The event stored under `sequence`; undefined where the stream no longer (or not yet) holds it.
 */
export async function fetchEvent(
  manager: JetStreamManager,
  sequence: number,
): Promise<PublishedEvent | undefined> {
  const message = await unless(
    manager.streams.getMessage(STREAM, { seq: sequence }),
    NO_MESSAGE_FOUND,
  );
  const timestamp = message && parseInstant(message.timestamp);
  if (message === undefined || timestamp === undefined) return undefined;
  return {
    subject: message.subject,
    contentType: message.header?.get('content-type') || undefined,
    payload: message.data,
    sequence: message.seq,
    timestamp,
  };
}

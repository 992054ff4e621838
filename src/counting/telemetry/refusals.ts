// Says in the log what was refused, with the publisher's trace, so that a producer can find its
// faulty events. At most a few lines a batch: a flood of refusals must not become a flood of lines.
import type { Envelope } from '../../nats/envelope.js';
import type { Log } from '../../platform/log.js';
import { parseTraceparent } from '../../platform/trace-context.js';
import type { Committed } from '../commit.js';

const LINES_PER_BATCH = 10;

/** Logs the first refusals of a batch, and how many there were. */
export function logRefusals(
  log: Log,
  envelopes: readonly Envelope[],
  { decided }: Committed,
): void {
  const { deadLetters } = decided;
  if (deadLetters.length === 0) return;
  const published = new Map(envelopes.map((envelope) => [envelope.sequence, envelope]));
  for (const { sequence, reason, subject } of deadLetters.slice(0, LINES_PER_BATCH)) {
    const traceId = parseTraceparent(published.get(sequence)?.traceparent)?.traceId;
    log.info('event refused', { sequence, reason, subject, traceId });
  }
  if (deadLetters.length > LINES_PER_BATCH) {
    log.info('more events refused', { count: deadLetters.length - LINES_PER_BATCH });
  }
}

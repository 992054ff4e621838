// Small events for the spool's tests: their content is of no matter to it.

import { withDigest } from '../../../src/publishing/spool/digest.js';
import type { SpooledEvent } from '../../../src/publishing/spool/records.js';

/** Event number `index`; the same bytes for the same number. */
export function spooledEvent(index: number, padding = 0): SpooledEvent {
  const payload = Buffer.from(
    JSON.stringify({ eventId: `event-${index}.`, p: 'x'.repeat(padding) }),
  );
  return withDigest('reported', payload);
}

/** The number of each event. */
export function numbersOf(events: readonly SpooledEvent[]): number[] {
  return events.map(({ payload }) => Number(/event-(\d+)/.exec(payload.toString())?.[1]));
}

// Events that a test writes by hand, as the publisher takes them: any content under any subject,
// whether it keeps the contract or breaks it.

import type { Publication } from '../../deploy/local/traffic/schedule.js';

/**
 * One publication; text and bytes go out as they are, anything else as JSON. The Nats-Msg-Id is its
 * own.
 */
export function publicationOf(
  subject: string,
  content: unknown,
  headers: Record<string, string> = {},
): Publication {
  const payload =
    content instanceof Uint8Array
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  return { subject, payload, headers, at: Date.now() * 1000, copy: false, invalid: false };
}

/**
 * Good charge number `index`: its own message and event, accepted an hour ago, with anything in it
 * replaced.
 */
export function chargeOf(index: number, changes: object = {}): Record<string, unknown> {
  const acceptedAt = new Date(Date.now() - 3_600_000).toISOString();
  return {
    eventId: `event-${index}.`,
    messageId: `0198a6f2-7c30-7c11-9b1e-${index.toString(16).padStart(12, '0')}`,
    accountId: 'acme',
    operatorId: '22801',
    acceptedAt,
    chargedAt: acceptedAt,
    segments: 1,
    amount: '0.05',
    currency: 'EUR',
    ...changes,
  };
}

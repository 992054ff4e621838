// Events that a test writes by hand, as the publisher takes them: any content under any subject, whether it keeps the
// contract or breaks it.

import type { Publication } from '../../deploy/local/traffic/schedule.js';

/** One publication; text and bytes go out as they are, anything else as JSON. The Nats-Msg-Id is its own. */
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

// Hears what ingest announces of the events that it has judged: digests of those that are counted,
// digests and reasons of those that are refused, and how far it has come.

import type { NatsConnection, Subscription } from 'nats';
import type { DeadLetterReason } from '../../domain/message/dead-letter.js';
import type { Digest } from '../../nats/announcements.js';
import {
  countedSubject,
  digestsIn,
  type JudgedProgress,
  PROGRESS_SUBJECT,
  progressIn,
  refusalsIn,
  refusedSubject,
} from '../../nats/announcements.js';

export interface Heard {
  /** The digests of one announcement. */
  countedAll(digests: readonly Digest[]): void;
  refused(digest: Digest, reason: DeadLetterReason): void;
  progress(progress: JudgedProgress): void;
}

/**
 * Subscribes; where the server ends one of the subscriptions, all end, and `ended` is called once.
 */
export function hearAnnouncements(
  connection: NatsConnection,
  source: 'billing' | 'dlr',
  heard: Heard,
  ended: (error: Error) => void,
): void {
  const subscriptions: Subscription[] = [];
  let hasEnded = false;
  const end = (error: Error) => {
    if (hasEnded) return;
    hasEnded = true;
    for (const subscription of subscriptions) subscription.unsubscribe();
    ended(error);
  };
  const hear = (subject: string, read: (content: Buffer) => void) => {
    const subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) end(error);
        else if (!hasEnded) read(Buffer.from(message.data));
      },
    });
    subscriptions.push(subscription);
  };
  hear(countedSubject(source), (content) => {
    heard.countedAll([...digestsIn(content)]);
  });
  hear(refusedSubject(source), (content) => {
    for (const { digest, reason } of refusalsIn(content)) heard.refused(digest, reason);
  });
  hear(PROGRESS_SUBJECT, (content) => {
    const progress = progressIn(content);
    if (progress !== undefined) heard.progress(progress);
  });
}

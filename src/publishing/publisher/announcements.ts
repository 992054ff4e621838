// Hears what ingest announces of the events that it has judged: digests of those that are counted,
// digests and reasons of those that are refused, and how far it has come.

import type { NatsConnection, Subscription } from 'nats';
import type { DeadLetterReason } from '../../domain/message/dead-letter.js';
import {
  countedSubject,
  type Digest,
  digestsIn,
  type EventSourceName,
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

/** Hears announcements on one connection at a time. */
export class Hearing {
  #heardOn: NatsConnection | undefined;

  /** `ended` is told why the server ended a subscription; then nothing is heard any more. */
  constructor(
    private readonly source: EventSourceName,
    private readonly heard: Heard,
    private readonly ended: (error: Error) => void,
  ) {}

  /** A connection subscribes again by itself when a server comes back, until it ends for good. */
  on(connection: NatsConnection): void {
    if (connection === this.#heardOn) return;
    this.#heardOn = connection;
    hearAnnouncements(connection, this.source, this.heard, (error) => {
      if (this.#heardOn === connection) this.#heardOn = undefined;
      this.ended(error);
    });
  }
}

/**
 * Subscribes; where the server ends one of the subscriptions, all end, and `ended` is called once.
 */
export function hearAnnouncements(
  connection: NatsConnection,
  source: EventSourceName,
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

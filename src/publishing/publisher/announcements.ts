// What ingest announces of the events that it has judged (contract, section 1): digests of what is
// counted, digests and reasons of what is refused, and how far it has come. Read with suspicion: a
// word that is not understood is as one that never came.

import type { NatsConnection, Subscription } from 'nats';
import { DEAD_LETTER_REASONS, type DeadLetterReason } from '../../domain/message/dead-letter.js';
import type { Digest } from '../spool/kept-events.js';

const DIGEST_BYTES = 8;
const HEX_DIGEST = /^[0-9a-f]{16}$/;

/** How far ingest has come: all sequences up to `judgedThrough` are counted, refused or gone. */
export interface JudgedProgress {
  /** Of the stream: a new one after it was recreated or rolled back. */
  readonly incarnation: string;
  readonly judgedThrough: number;
}

export interface Heard {
  /** The digests of one announcement. */
  countedAll(digests: readonly Digest[]): void;
  refused(digest: Digest, reason: DeadLetterReason): void;
  progress(progress: JudgedProgress): void;
}

/** Subscribes; `ended` is called where the server ends one of the subscriptions. */
export function hearAnnouncements(
  connection: NatsConnection,
  source: 'billing' | 'dlr',
  heard: Heard,
  ended: (error: Error) => void,
): void {
  const hear = (subject: string, read: (content: Buffer) => void): Subscription =>
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) ended(error);
        else read(Buffer.from(message.data));
      },
    });
  hear(`sms.counted.v1.${source}`, (content) => {
    heard.countedAll([...digestsIn(content)]);
  });
  hear(`sms.refused.v1.${source}`, (content) => {
    for (const { digest, reason } of refusalsIn(content)) heard.refused(digest, reason);
  });
  hear('sms.counted.v1.progress', (content) => {
    const progress = progressIn(content);
    if (progress !== undefined) heard.progress(progress);
  });
}

function* digestsIn(content: Buffer): Generator<Digest> {
  for (let at = 0; at + DIGEST_BYTES <= content.length; at += DIGEST_BYTES) {
    yield { digestHigh: content.readUInt32BE(at), digestLow: content.readUInt32BE(at + 4) };
  }
}

/** Of a JSON array of `{ digest, reason }`, the digest in lower-case hexadecimal digits. */
function refusalsIn(content: Buffer): { digest: Digest; reason: DeadLetterReason }[] {
  const list = parsed(content);
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: { digest?: unknown; reason?: unknown } | null) => {
    const { digest, reason } = entry ?? {};
    if (typeof digest !== 'string' || !HEX_DIGEST.test(digest)) return [];
    if (!(DEAD_LETTER_REASONS as readonly unknown[]).includes(reason)) return [];
    const [read] = digestsIn(Buffer.from(digest, 'hex'));
    return read === undefined ? [] : [{ digest: read, reason: reason as DeadLetterReason }];
  });
}

function progressIn(content: Buffer): JudgedProgress | undefined {
  const { incarnation, judgedThrough } = (parsed(content) ?? {}) as Record<string, unknown>;
  if (typeof incarnation !== 'string' && typeof incarnation !== 'number') return undefined;
  if (!Number.isSafeInteger(judgedThrough)) return undefined;
  return { incarnation: String(incarnation), judgedThrough: judgedThrough as number };
}

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString()) as unknown;
  } catch {
    return undefined;
  }
}

// What ingest announces of the events that it has judged, on the wire (contract, section 1): the
// subjects, and the contents as ingest writes and a publisher reads them. Reading is suspicious: a
// word that is not understood is as one that never came.
import { DEAD_LETTER_REASONS, type DeadLetterReason } from '../domain/message/dead-letter.js';
import { type EpochMicros, formatInstant } from '../domain/time/instant.js';

/** Who publishes events, and hears of them. */
export type EventSourceName = 'billing' | 'dlr';

export const countedSubject = (source: EventSourceName): string => `sms.counted.v1.${source}`;
export const refusedSubject = (source: EventSourceName): string => `sms.refused.v1.${source}`;
export const PROGRESS_SUBJECT = 'sms.counted.v1.progress';

const DIGEST_BYTES = 8;
const HEX_DIGEST = /^[0-9a-f]{16}$/;
/** What one message holds at most: some 64 KB, half of what the server takes. */
const DIGESTS_MOST = 8_000;
const REFUSALS_MOST = 1_000;

/** By which an event is known: the first 8 bytes of its payload's SHA-256, in two halves. */
export interface Digest {
  readonly digestHigh: number;
  readonly digestLow: number;
}

/** A dead letter as it is announced; the digest as in `EventSource`. */
export interface Refused {
  readonly digest: bigint;
  readonly reason: DeadLetterReason;
}

/** How far counting has come: all sequences up to `judgedThrough` are counted, refused or gone. */
export interface JudgedProgress {
  /** Of the stream: a new one after it was recreated or rolled back. */
  readonly incarnation: string;
  readonly judgedThrough: number;
}

/** Messages that announce these digests: each 8 bytes, one after the other. */
export function* countedContents(digests: readonly bigint[]): Generator<Uint8Array> {
  for (let from = 0; from < digests.length; from += DIGESTS_MOST) {
    const part = digests.slice(from, from + DIGESTS_MOST);
    const content = Buffer.allocUnsafe(part.length * DIGEST_BYTES);
    for (const [at, digest] of part.entries()) content.writeBigInt64BE(digest, at * DIGEST_BYTES);
    yield content;
  }
}

/** Of a message that announces counted events, whole digests only. */
export function* digestsIn(content: Buffer): Generator<Digest> {
  for (let at = 0; at + DIGEST_BYTES <= content.length; at += DIGEST_BYTES) {
    yield { digestHigh: content.readUInt32BE(at), digestLow: content.readUInt32BE(at + 4) };
  }
}

/** Messages that announce refusals: JSON arrays, the digest in lower-case hexadecimal digits. */
export function* refusedContents(refusals: readonly Refused[]): Generator<Uint8Array> {
  for (let from = 0; from < refusals.length; from += REFUSALS_MOST) {
    const part = refusals.slice(from, from + REFUSALS_MOST);
    const list = part.map(({ digest, reason }) => ({
      digest: BigInt.asUintN(64, digest).toString(16).padStart(16, '0'),
      reason,
    }));
    yield Buffer.from(JSON.stringify(list));
  }
}

/** Of a message that announces refusals, those that are understood. */
export function refusalsIn(
  content: Buffer,
): { readonly digest: Digest; readonly reason: DeadLetterReason }[] {
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

/** The message that announces progress of this stream; `dataAsOf` is absent before the first. */
export function progressContent(
  stream: string,
  { incarnation, judgedThrough }: JudgedProgress,
  dataAsOf: EpochMicros | undefined,
): Uint8Array {
  const instant = dataAsOf === undefined ? undefined : formatInstant(dataAsOf);
  return Buffer.from(JSON.stringify({ stream, incarnation, judgedThrough, dataAsOf: instant }));
}

export function progressIn(content: Buffer): JudgedProgress | undefined {
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

// From envelopes to what the ledger statement is given: decode each, refuse what breaks a rule,
// join the rest per message. Pure but for the metrics that it returns.

import type { AdmissionRules } from '../domain/message/admission.js';
import type { DeadLetterReason, EventField } from '../domain/message/dead-letter.js';
import type { AdmittedEvent } from '../domain/message/event.js';
import { foldBatch } from '../domain/message/ledger-fold.js';
import { dayOf, type EpochDay, type EpochMicros, MICROS_PER_DAY } from '../domain/time/instant.js';
import type { Envelope } from '../nats/envelope.js';
import { decode } from './decode/decode.js';
import { type CountableBatch, conflictLetters } from './ledger/apply-batch.js';
import type { DeadLetter } from './ledger/batch-columns.js';

/** A subject is a publisher's text, so only the contract's own are ever recorded. */
const UNKNOWN_SUBJECT = '(unknown)';

const NO_DAYS: ReadonlySet<EpochDay> = new Set();

/** A batch, decoded: the events to count, and those that are refused. */
export interface Decided {
  readonly events: readonly AdmittedEvent[];
  readonly deadLetters: readonly DeadLetter[];
  readonly highestSequence: number;
  readonly highestPublishedAt: EpochMicros | undefined;
  /** Of all envelopes, whatever became of them. */
  readonly sequences: readonly number[];
  /** Fields that the contract does not have; dropped. */
  readonly unknownFieldCount: number;
}

/**
 * Decodes and judges. Events accepted before `ledgerFloor` are too old whatever their stream
 * timestamp, and those of `missingDays` would be counted twice.
 */
export function decide(
  envelopes: readonly Envelope[],
  rules: AdmissionRules,
  ledgerFloor: EpochDay,
  missingDays: ReadonlySet<EpochDay> = NO_DAYS,
): Decided {
  const events: AdmittedEvent[] = [];
  const deadLetters: DeadLetter[] = [];
  let highestSequence = 0;
  let highestPublishedAt: EpochMicros | undefined;
  let unknownFieldCount = 0;
  for (const envelope of envelopes) {
    if (envelope.sequence > highestSequence) {
      highestSequence = envelope.sequence;
      highestPublishedAt = envelope.timestamp;
    }
    const decoded = decode(envelope, rules);
    if (!decoded.admitted) {
      const { refusal, source } = decoded;
      const { reason, field, ids } = refusal;
      deadLetters.push(deadLetterOf(envelope, source.digest, reason, field, ids));
    } else if (decoded.event.acceptedAt < ledgerFloor * MICROS_PER_DAY) {
      const { event } = decoded;
      deadLetters.push(deadLetterOf(envelope, event.source.digest, 'too_old', 'acceptedAt', event));
    } else if (missingDays.size > 0 && missingDays.has(dayOf(decoded.event.acceptedAt))) {
      const { digest } = decoded.event.source;
      deadLetters.push(deadLetterOf(envelope, digest, 'day_missing', 'acceptedAt', decoded.event));
    } else {
      events.push(decoded.event);
      unknownFieldCount += decoded.unknownFields;
    }
  }
  const sequences = envelopes.map(({ sequence }) => sequence);
  return { events, deadLetters, highestSequence, highestPublishedAt, sequences, unknownFieldCount };
}

/** What became of two halves of a batch, the earlier one first. */
export function together(first: Decided, second: Decided): Decided {
  return {
    ...second,
    events: [...first.events, ...second.events],
    deadLetters: [...first.deadLetters, ...second.deadLetters],
    sequences: [...first.sequences, ...second.sequences],
    unknownFieldCount: first.unknownFieldCount + second.unknownFieldCount,
  };
}

/** The batch that the ledger statement takes. */
export function countable(decided: Decided): CountableBatch {
  const { highestSequence, highestPublishedAt, sequences } = decided;
  const folded = foldBatch(decided.events);
  const deadLetters = [...decided.deadLetters, ...conflictLetters(folded)];
  return { folded, deadLetters, highestSequence, highestPublishedAt, sequences };
}

/** The dead letter of an event that the database refuses alone. */
export function unstorable(envelope: Envelope, event: AdmittedEvent): DeadLetter {
  return deadLetterOf(envelope, event.source.digest, 'unstorable', undefined, event);
}

function deadLetterOf(
  envelope: Envelope,
  digest: bigint,
  reason: DeadLetterReason,
  field: EventField | undefined,
  ids: { readonly eventId?: string; readonly messageId?: string },
): DeadLetter {
  return {
    sequence: envelope.sequence,
    publishedAt: envelope.timestamp,
    subject: reason === 'unknown_subject' ? UNKNOWN_SUBJECT : envelope.subject,
    reason,
    field,
    eventId: ids.eventId,
    messageId: ids.messageId,
    digest,
  };
}

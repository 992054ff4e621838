// Judges an event before it is queued, as ingest will judge it: what is taken here is never refused
// there for its content, and what is refused here would have been. It may still be too old or from
// the future when the stream stores it, which no producer can know.

import {
  type AdmissionRules,
  admit,
  CLOCK_SKEW_MINUTES,
  type EventKind,
} from '../../domain/message/admission.js';
import type { DeadLetterReason, EventField } from '../../domain/message/dead-letter.js';
import { MAX_PAYLOAD_BYTES } from '../../domain/message/event-reading.js';
import { knownFields, readParsed } from '../../domain/message/json-event.js';
import { MICROS_PER_MINUTE } from '../../domain/time/instant.js';

/** Why an event is not taken, in ingest's words. */
export interface Violation {
  readonly reason: DeadLetterReason;
  /** The first field at fault, where there is one. */
  readonly field?: EventField;
}

/** The bytes to be published, or what is against them. */
export type Judgement =
  | { readonly payload: Buffer }
  | { readonly payload: undefined; readonly violations: readonly Violation[] };

const CLOCK_SKEW_MICROS = CLOCK_SKEW_MINUTES * MICROS_PER_MINUTE;
/** Neither is of any matter to the judgement. */
const NO_SOURCE = { sequence: 1, digest: 0n };

/**
 * Judges anything that a caller passes. Never throws, whatever accessors do. The payload holds the
 * contract's fields only.
 */
export function judge(kind: EventKind, event: unknown, rules: AdmissionRules): Judgement {
  const root = throughJson(event);
  if (root === 'malformed' || root === 'too_large') return refused({ reason: root });
  const reading = readParsed(kind, root.value);
  if (reading.fault !== undefined) return refused({ reason: reading.fault });
  const { fields } = reading;
  // The earliest instant at which the stream could take it: where that is too late, all are.
  const earliest = Math.max(fields.acceptedAt ?? 0, (fields.occurredAt ?? 0) - CLOCK_SKEW_MICROS);
  const judged = admit(kind, fields, earliest, NO_SOURCE, rules);
  if (!('reason' in judged)) {
    return { payload: Buffer.from(JSON.stringify(knownFields(kind, root.value))) };
  }
  const { reason, field } = judged;
  return refused(field === undefined ? { reason } : { reason, field });
}

function refused(violation: Violation): Judgement {
  return { payload: undefined, violations: [violation] };
}

/** What a producer without this package would have published, read again. */
function throughJson(event: unknown): { readonly value: unknown } | 'malformed' | 'too_large' {
  try {
    const text = JSON.stringify(event);
    if (text === undefined) return 'malformed';
    if (Buffer.byteLength(text) > MAX_PAYLOAD_BYTES) return 'too_large';
    return { value: JSON.parse(text) as unknown };
  } catch {
    return 'malformed';
  }
}

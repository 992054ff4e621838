// The JSON text of an event. Of two equal names JSON.parse keeps the last (json-names.ts); its
// fields are read by domain/message/json-event.ts, as a publisher does.
import type { EventKind } from '../../domain/message/admission.js';
import { MALFORMED, type Reading } from '../../domain/message/event-reading.js';
import { readParsed } from '../../domain/message/json-event.js';
import { holdsForbiddenName, mayHoldMoreNames } from './json-names.js';

// A byte order mark is kept, so that it is refused and not dropped in silence.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What the JSON text in `payload` says of an event of `kind`. Never throws. */
export function readJson(kind: EventKind, payload: Uint8Array): Reading {
  let text: string;
  let root: unknown;
  try {
    text = utf8.decode(payload);
    root = JSON.parse(text);
  } catch {
    return MALFORMED;
  }
  const reading = readParsed(kind, root);
  if (reading.fault !== undefined || !mayHoldMoreNames(text, reading.nameCount)) return reading;
  return holdsForbiddenName(text) ? { ...reading, fault: 'forbidden_field' } : reading;
}

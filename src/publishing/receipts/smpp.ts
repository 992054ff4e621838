// Receipts in SMPP: a `deliver_sm` with the TLVs of SMPP v3.4 section 5.3.2, or with a text in the
// form of its appendix B, which is custom and no standard. TLVs come before the text.

import { STATE_NAMES } from '../../domain/message/outcome.js';
import {
  type Parsed,
  type ReceiptError,
  received,
  refused,
  type StateName,
  stateOf,
  UNLISTED,
  vendorError,
} from './receipt.js';

/** The parts of a `deliver_sm` that are read. */
export interface DeliverSm {
  /** `esm_class`; bit 0x04 marks a receipt (section 5.2.12). */
  readonly esmClass: number;
  /** `short_message` or `message_payload`. */
  readonly text?: Uint8Array | string | undefined;
  /** `data_coding`; 8 is UCS-2 (section 5.2.19). */
  readonly dataCoding?: number | undefined;
  /** TLV 0x0427 `message_state`. */
  readonly messageState?: number | undefined;
  /** TLV 0x001E `receipted_message_id`, without its final zero. */
  readonly receiptedMessageId?: string | undefined;
  /** TLV 0x0423 `network_error_code`: network type, then 16 bits. */
  readonly networkErrorCode?: Uint8Array | undefined;
}

/** What differs from operator to operator. */
export interface SmppOptions {
  /** How `err` is written; decimal unless the operator says otherwise. */
  readonly errorBase?: 10 | 16 | undefined;
}

const RECEIPT_BIT = 0x04;
const UCS2 = 8;
const NETWORK_TYPE_GSM = 3;
/** Of a text: a `short_message` has 254 octets, a `message_payload` may have 64 K. */
const LONGEST_TEXT = 4_096;

/** `stat` of appendix B, and the words beyond it that gateways write. */
export const STAT_WORDS: ReadonlyMap<string, StateName> = new Map([
  ['DELIVRD', 'DELIVERED'],
  ['EXPIRED', 'EXPIRED'],
  ['DELETED', 'DELETED'],
  ['UNDELIV', 'UNDELIVERABLE'],
  ['ACCEPTD', 'ACCEPTED'],
  ['UNKNOWN', 'UNKNOWN'],
  ['REJECTD', 'REJECTED'],
  ['ENROUTE', 'ENROUTE'],
  ['FAILED', 'UNDELIVERABLE'],
  ['UNDELIVERED', 'UNDELIVERABLE'],
  ['SCHEDULED', 'SCHEDULED'],
  ['SKIPPED', 'SKIPPED'],
]);

/** The receipt that a `deliver_sm` is. */
export function smppReceipt(pdu: DeliverSm, options: SmppOptions = {}): Parsed {
  if ((pdu.esmClass & RECEIPT_BIT) === 0) return refused('not_a_receipt');
  const fields = fieldsOf(decoded(pdu));
  const word = pdu.messageState === undefined ? fields.get('stat') : STATE_NAMES[pdu.messageState];
  if (word === undefined && pdu.messageState === undefined) return refused('no_state');
  const state = pdu.messageState === undefined ? stateOf(word ?? '', STAT_WORDS) : tlvState(word);
  return received(state, {
    error: tlvError(pdu.networkErrorCode) ?? vendorError(fields.get('err'), options.errorBase),
    networkIds: [pdu.receiptedMessageId, fields.get('id')],
    reportedTime: dateOf(fields.get('done date')),
  });
}

/** The same of the text alone, as a callback carries it. */
export function receiptText(text: string, options: SmppOptions = {}): Parsed {
  return smppReceipt({ esmClass: RECEIPT_BIT, text }, options);
}

function tlvState(name: string | undefined) {
  return name === undefined ? UNLISTED : { state: name as StateName, listed: true };
}

function tlvError(octets: Uint8Array | undefined): ReceiptError | undefined {
  if (octets?.length !== 3) return undefined;
  const [type = 0, high = 0, low = 0] = octets;
  const code = high * 256 + low;
  if (code === 0) return undefined;
  return { network: type === NETWORK_TYPE_GSM ? 'GSM_MAP' : 'VENDOR', code };
}

function decoded({ text, dataCoding }: DeliverSm): string {
  if (text === undefined) return '';
  if (typeof text === 'string') return text.slice(0, LONGEST_TEXT);
  const octets = text.subarray(0, LONGEST_TEXT);
  return new TextDecoder(dataCoding === UCS2 ? 'utf-16be' : 'latin1').decode(octets);
}

/** A name of appendix B at the beginning or after a blank. */
const FIELD = /(?:^|\s)(id|sub|dlvrd|submit date|done date|stat|err|text):/gi;
const FIELD_AT_ONCE = /^ (?:id|sub|dlvrd|submit date|done date|stat|err):/i;

/**
 * Fields by lower-case name, the first of each. `text` ends them, since the message may say
 * anything, with one exception: no `stat` came before it, and it is empty, as a blank and the name
 * of a field follow at once. Control characters are blanks.
 */
function fieldsOf(written: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const text = written.replace(/\p{Cc}/gu, ' ');
  const found = [...text.matchAll(FIELD)];
  for (const [place, match] of found.entries()) {
    const name = (match[1] ?? '').toLowerCase();
    const from = match.index + match[0].length;
    if (name === 'text') {
      if (fields.has('stat') || !FIELD_AT_ONCE.test(text.slice(from, from + 16))) break;
      continue;
    }
    const value = text.slice(from, found[place + 1]?.index).trim();
    const [first = ''] = value.split(/\s/);
    if (!fields.has(name)) fields.set(name, first);
  }
  return fields;
}

/** `YYMMDDhhmm`, `YYMMDDhhmmss`, `YYYYMMDDhhmm` or 14 digits; all zeros are no date. */
function dateOf(written: string | undefined): string | undefined {
  if (written === undefined || !/^(?:\d{10}|\d{12}|\d{14})$/.test(written)) return undefined;
  return /^0+$/.test(written) ? undefined : written;
}

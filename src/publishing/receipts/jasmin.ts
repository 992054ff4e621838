// Callbacks of Jasmin's `dlr-url`. Level 1 says what the SMSC answered to the submission, level 2
// what became of the message. The answer must be exactly `ACK/Jasmin`, else Jasmin calls again.

import {
  type Parsed,
  type ReceiptError,
  received,
  refused,
  stateOf,
  textOf,
  vendorError,
} from './receipt.js';
import { type SmppOptions, STAT_WORDS } from './smpp.js';

/** What Jasmin must be answered once the event is safe. */
export const JASMIN_ACKNOWLEDGEMENT = 'ACK/Jasmin';

const TAKEN = 'ESME_ROK';

/** `command_status` by name (SMPP v3.4, section 5.1.3, table 5-2): what a submission meets. */
const STATUS_CODES: ReadonlyMap<string, number> = new Map([
  ['ESME_RSYSERR', 0x08],
  ['ESME_RINVSRCADR', 0x0a],
  ['ESME_RINVDSTADR', 0x0b],
  ['ESME_RMSGQFUL', 0x14],
  ['ESME_RSUBMITFAIL', 0x45],
  ['ESME_RTHROTTLED', 0x58],
  ['ESME_RX_T_APPN', 0x64],
  ['ESME_RX_P_APPN', 0x65],
  ['ESME_RX_R_APPN', 0x66],
]);

/** The receipt of one callback, a form or a query. */
export function jasminReceipt(form: unknown, options: SmppOptions = {}): Parsed {
  const status = textOf(form, 'message_status');
  const level = textOf(form, 'level');
  if (status === undefined) return refused('no_state');
  if (level !== '1' && level !== '2' && level !== '3') return refused('not_a_receipt');
  if (level === '1' || status.startsWith('ESME_')) return submission(form, status);
  return received(stateOf(status, STAT_WORDS), {
    error: vendorError(textOf(form, 'err'), options.errorBase),
    networkIds: [textOf(form, 'id_smsc'), textOf(form, 'id')],
    reportedTime: textOf(form, 'donedate'),
  });
}

/** That the SMSC took the message says nothing of its delivery yet. */
function submission(form: unknown, status: string): Parsed {
  const state = status === TAKEN ? 'ENROUTE' : 'REJECTED';
  const code = STATUS_CODES.get(status);
  const error: ReceiptError | undefined =
    code === undefined ? undefined : { network: 'SMPP', code };
  return received({ state, listed: true }, { error, networkIds: [textOf(form, 'id')] });
}

// The one canonical list of failure reasons. Operators' error codes share no common table, so a
// reason is found by (network, code); what is not listed is UNMAPPED, counted and visible. The
// ledger stores the reason it counted, so that a new version applies to new winners only.
import {
  CLASS_FAILURE,
  CLASS_UNKNOWN,
  classOf,
  type NetworkNumber,
  type StateNumber,
} from './outcome.js';

/** Whether trying again can help; '' where the question makes no sense. */
export type ErrorClass = '' | 'PERMANENT' | 'TEMPORARY' | 'UNKNOWN';

/** One row of the table. */
export interface ReasonRow {
  readonly reason: string;
  readonly errorClass: ErrorClass;
  /** Local values of MAP user errors (3GPP TS 29.002, clause 17.5, MAP-Errors). */
  readonly gsmMap: readonly number[];
  /** Values of command_status (SMPP v3.4, section 5.1.3, table 5-2). */
  readonly smpp: readonly number[];
  /** Names in the specification, in the order of the codes; what the class rests on. */
  readonly source: string;
}

function row(
  reason: string,
  errorClass: ErrorClass,
  gsmMap: readonly number[],
  smpp: readonly number[],
  source: string,
): ReasonRow {
  return { reason, errorClass, gsmMap, smpp, source };
}

// Permanent and temporary mean what they do for an SC in 3GPP TS 23.040, clause 3.3: whether
// another attempt to transfer the same message can succeed. The specifications class no SMPP
// status.
const P = 'PERMANENT';
const T = 'TEMPORARY';
const MAP = '3GPP TS 29.002';
const STATUS = 'SMPP v3.4 table 5-2';
const REJECTIONS = `${STATUS} ESME_RSUBMITFAIL, ESME_RX_P_APPN, ESME_RX_R_APPN`;

/** Every reason, in the order of its first code; names are unique. */
export const REASONS: readonly ReasonRow[] = [
  row('UNKNOWN_SUBSCRIBER', P, [1], [], `${MAP} unknownSubscriber`),
  row('UNIDENTIFIED_SUBSCRIBER', T, [5], [], `${MAP} unidentifiedSubscriber`),
  row('ABSENT_SUBSCRIBER', T, [6, 27], [], `${MAP} absentSubscriberSM, absentSubscriber`),
  row('ILLEGAL_SUBSCRIBER', P, [9], [], `${MAP} illegalSubscriber`),
  row('TELESERVICE_NOT_PROVISIONED', P, [11], [], `${MAP} teleserviceNotProvisioned`),
  row('ILLEGAL_EQUIPMENT', P, [12], [], `${MAP} illegalEquipment`),
  row('CALL_BARRED', T, [13], [], `${MAP} callBarred; vendors disagree on the class`),
  row('CUG_REJECT', P, [15], [], `${MAP} cug-Reject`),
  row('FACILITY_NOT_SUPPORTED', T, [21], [], `${MAP} facilityNotSupported`),
  row('SUBSCRIBER_BUSY', T, [31], [], `${MAP} subscriberBusyForMT-SMS`),
  row('DELIVERY_FAILURE', T, [32], [], `${MAP} sm-DeliveryFailure; memory full or equipment`),
  row('MESSAGE_WAITING_LIST_FULL', T, [33], [], `${MAP} messageWaitingListFull`),
  row('SYSTEM_FAILURE', T, [34], [0x08], `${MAP} systemFailure; ${STATUS} ESME_RSYSERR`),
  row('DATA_MISSING', T, [35], [], `${MAP} dataMissing`),
  row('UNEXPECTED_DATA_VALUE', T, [36], [], `${MAP} unexpectedDataValue`),
  row('INVALID_ADDRESS', P, [], [0x0a, 0x0b], `${STATUS} ESME_RINVSRCADR, ESME_RINVDSTADR`),
  row('QUEUE_FULL', T, [], [0x14], `${STATUS} ESME_RMSGQFUL`),
  row('REJECTED_BY_OPERATOR', P, [], [0x45, 0x65, 0x66], REJECTIONS),
  row('THROTTLED', T, [], [0x58], `${STATUS} ESME_RTHROTTLED`),
  row('TEMPORARY_APP_ERROR', T, [], [0x64], `${STATUS} ESME_RX_T_APPN`),
  row('VALIDITY_EXPIRED', T, [], [], 'contract: EXPIRED without a code'),
  row('DELETED_BY_OPERATOR', '', [], [], 'contract: DELETED without a code'),
  row('NO_RECEIPT', '', [], [], 'contract: settled without a final report'),
  row('NO_CODE', 'UNKNOWN', [], [], 'contract: a failure or UNKNOWN without a code'),
  row('UNMAPPED', 'UNKNOWN', [], [], 'contract: a code that this table does not have'),
];

/** The reason of pending messages once their cell is settled; never stored, only answered. */
export const NO_RECEIPT = 'NO_RECEIPT';

const GSM_MAP: NetworkNumber = 1;
const SMPP: NetworkNumber = 2;
const EXPIRED: StateNumber = 3;
const DELETED: StateNumber = 4;

const reasonByGsmMap = new Map(REASONS.flatMap((r) => r.gsmMap.map((code) => [code, r.reason])));
const reasonBySmpp = new Map(REASONS.flatMap((r) => r.smpp.map((code) => [code, r.reason])));
const classByReason = new Map(REASONS.map((r) => [r.reason, r.errorClass]));

/**
 * Why a message whose winning report says `state` did not arrive; '' for pending and DELIVERED,
 * whatever error they carry. Code 0, of any network, is no code.
 */
export function reasonOf(state: StateNumber, network: NetworkNumber, code: number): string {
  const reportClass = classOf(state);
  if (reportClass !== CLASS_FAILURE && reportClass !== CLASS_UNKNOWN) return '';
  if (network === 0 || code === 0) {
    if (state === EXPIRED) return 'VALIDITY_EXPIRED';
    return state === DELETED ? 'DELETED_BY_OPERATOR' : 'NO_CODE';
  }
  if (network === GSM_MAP) return reasonByGsmMap.get(code) ?? 'UNMAPPED';
  return (network === SMPP ? reasonBySmpp.get(code) : undefined) ?? 'UNMAPPED';
}

/** Whether trying again can help; '' for no reason and for a name that is not in the table. */
export function errorClassOf(reason: string): ErrorClass {
  return classByReason.get(reason) ?? '';
}

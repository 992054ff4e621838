// From the state that an operator reports to the outcome that is counted. The classes order reports
// in the ledger: a higher class always wins, whatever the order of arrival.

/** SMPP v3.4 section 5.2.28 `message_state`, with SCHEDULED = 0 and SKIPPED = 9 of SMPP v5. */
export type StateNumber = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** Names of the states at their SMPP numbers, 0 to 9. */
export const STATE_NAMES = [
  'SCHEDULED',
  'ENROUTE',
  'DELIVERED',
  'EXPIRED',
  'DELETED',
  'UNDELIVERABLE',
  'ACCEPTED',
  'UNKNOWN',
  'REJECTED',
  'SKIPPED',
] as const;

/** Whose numbering an error code follows: 0 none, 1 GSM_MAP, 2 SMPP, 3 VENDOR. */
export type NetworkNumber = 0 | 1 | 2 | 3;

/** Names of the networks at their numbers; 0 is an event without an error. */
export const NETWORK_NAMES = ['', 'GSM_MAP', 'SMPP', 'VENDOR'] as const;

/** What a message is counted as; exclusive and exhaustive. */
export const OUTCOMES = [
  'PENDING',
  'DELIVERED',
  'UNDELIVERABLE',
  'EXPIRED',
  'REJECTED',
  'DELETED',
  'UNKNOWN',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** 0 no report, 1 pending, 2 unknown, 3 failure, 4 delivered. */
export type ReportClass = 0 | 1 | 2 | 3 | 4;
export const CLASS_NONE = 0;
export const CLASS_UNKNOWN = 2;
export const CLASS_FAILURE = 3;
export const CLASS_DELIVERED = 4;

// Indexed by SMPP number; contract section 2, "Report".
const CLASS_OF_STATE: readonly ReportClass[] = [1, 1, 4, 3, 3, 3, 1, 2, 3, 3];
const OUTCOME_OF_STATE: readonly Outcome[] = [
  'PENDING',
  'PENDING',
  'DELIVERED',
  'EXPIRED',
  'DELETED',
  'UNDELIVERABLE',
  'PENDING',
  'UNKNOWN',
  'REJECTED',
  'UNDELIVERABLE',
];

/** The class by which a report of `state` competes: 1 to 4. */
export function classOf(state: StateNumber): ReportClass {
  return CLASS_OF_STATE[state] as ReportClass;
}

/** What a message whose winning report says `state` is counted as. */
export function outcomeOf(state: StateNumber): Outcome {
  return OUTCOME_OF_STATE[state] as Outcome;
}

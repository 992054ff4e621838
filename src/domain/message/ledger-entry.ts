// What the ledger keeps of one message and of one refund: the values that its joins and orders work
// on (ledger.ts, ledger-order.ts).
import type { Nanos } from '../measures/decimal.js';
import type { EpochDay, EpochMicros } from '../time/instant.js';
import type { EventSource } from './event.js';
import type { NetworkNumber, StateNumber } from './outcome.js';

/** The winning report of a message, with what was counted of it. */
export interface LedgerReport {
  readonly reportedAt: EpochMicros;
  readonly state: StateNumber;
  /** 0 without an error. */
  readonly network: NetworkNumber;
  /** 0 without an error. */
  readonly code: number;
  readonly accountId: string;
  readonly operatorId: string;
  readonly eventId: string;
  /** Reason under the table of the day it was counted; '' for PENDING and DELIVERED. */
  readonly reason: string;
  /** Bin of `reportedAt - acceptedAt` of the report's own event where DELIVERED, else undefined. */
  readonly latencyBin: number | undefined;
}

/** The winning charge of a message. */
export interface LedgerCharge {
  readonly chargedAt: EpochMicros;
  readonly eventId: string;
  readonly segments: number;
  readonly amount: Nanos;
  readonly currency: string;
  readonly accountId: string;
  readonly operatorId: string;
  /** The least of the sources of all its copies. */
  readonly source: EventSource;
}

/** All that is known of one message, but for its refunds. */
export interface LedgerEntry {
  /** Key, first part: UTC day of `acceptedAt`. */
  readonly day: EpochDay;
  /** Key, second part. */
  readonly messageId: string;
  /** The least of all its charges and reports, displaced ones included; all are on `day`. */
  readonly acceptedAt: EpochMicros;
  readonly report: LedgerReport | undefined;
  readonly deliveredSeen: boolean;
  readonly failureSeen: boolean;
  readonly charge: LedgerCharge | undefined;
}

/** One refund; a row of its own, keyed (day, messageId, eventId). */
export interface LedgerRefund {
  readonly day: EpochDay;
  readonly messageId: string;
  readonly eventId: string;
  readonly refundedAt: EpochMicros;
  readonly amount: Nanos;
  readonly currency: string;
  readonly accountId: string;
  readonly operatorId: string;
  readonly source: EventSource;
}

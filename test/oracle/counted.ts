// What one message, or one refund, adds to each rollup at its base grain. The ledger's statement
// retracts the old and adds the new of exactly these cells; this is the definition it is held to.

import type { Nanos } from '../../src/domain/measures/decimal.js';
import type { LedgerEntry, LedgerRefund } from '../../src/domain/message/ledger-entry.js';
import {
  CLASS_DELIVERED,
  CLASS_FAILURE,
  classOf,
  type Outcome,
  outcomeOf,
  type StateNumber,
} from '../../src/domain/message/outcome.js';
import { type EpochMicros, floorToMinutes } from '../../src/domain/time/instant.js';
import { BASE_GRAIN_MINUTES, THROUGHPUT_GRAIN_MINUTES } from '../../src/rollups/grains.js';

/** By account: outcomes, segments, contradictions. */
export interface OutcomeCell {
  /** Start of the 15 minutes of the message's `acceptedAt`. */
  readonly bucket: EpochMicros;
  readonly accountId: string;
  readonly operatorId: string;
  readonly outcome: Outcome;
  /** '' for PENDING and DELIVERED. */
  readonly reason: string;
  readonly messages: bigint;
  readonly segments: bigint;
  /** Of `messages`, those that have seen both DELIVERED and a failure. */
  readonly contradicted: bigint;
}

/** Charges and refunds of one currency. */
export interface MoneyCell {
  /** Start of the 15 minutes of `chargedAt` or `refundedAt`. */
  readonly bucket: EpochMicros;
  readonly accountId: string;
  readonly operatorId: string;
  readonly currency: string;
  readonly charges: bigint;
  readonly charged: Nanos;
  readonly refunds: bigint;
  readonly refunded: Nanos;
}

/** Delivered messages by latency. */
export interface LatencyCell {
  /** Start of the 15 minutes of the message's `acceptedAt`. */
  readonly bucket: EpochMicros;
  readonly operatorId: string;
  readonly bin: number;
  readonly messages: bigint;
}

/** Messages accepted in a minute, and messages completed in it. */
export interface ThroughputCell {
  /** Start of the minute of `acceptedAt`, or of the winning final report's `reportedAt`. */
  readonly bucket: EpochMicros;
  readonly operatorId: string;
  readonly accepted: bigint;
  readonly completed: bigint;
}

/** All that one ledger entry counts for. */
export interface Counted {
  readonly outcome: OutcomeCell;
  /** Undefined without a charge. */
  readonly money: MoneyCell | undefined;
  /** Undefined unless DELIVERED. */
  readonly latency: LatencyCell | undefined;
  readonly accepted: ThroughputCell;
  /** Undefined until a failure or DELIVERED. */
  readonly completed: ThroughputCell | undefined;
}

/**
 * What a message counts for. Account: the charge's, else the report's. Operator: of the outcome the
 * winning report's, else the charge's; of money the charge's (contract, section 2).
 * @throws {RangeError} an entry without charge and report; joins never make one.
 */
export function countedOf(entry: LedgerEntry): Counted {
  const { report, charge, acceptedAt } = entry;
  const accountId = charge?.accountId ?? report?.accountId;
  const operatorId = report?.operatorId ?? charge?.operatorId;
  if (accountId === undefined || operatorId === undefined) {
    throw new RangeError(`nothing is known of message ${entry.messageId}`);
  }
  const bucket = floorToMinutes(acceptedAt, BASE_GRAIN_MINUTES);
  const delivered = report !== undefined && classOf(report.state) === CLASS_DELIVERED;
  const final = report !== undefined && isFinal(report.state);
  return {
    outcome: {
      bucket,
      accountId,
      operatorId,
      outcome: report === undefined ? 'PENDING' : outcomeOf(report.state),
      reason: report?.reason ?? '',
      messages: 1n,
      segments: BigInt(charge?.segments ?? 0),
      contradicted: entry.deliveredSeen && entry.failureSeen ? 1n : 0n,
    },
    money: moneyOf(entry),
    latency:
      delivered && report.latencyBin !== undefined
        ? { bucket, operatorId, bin: report.latencyBin, messages: 1n }
        : undefined,
    accepted: throughputCell(acceptedAt, operatorId, 1n, 0n),
    completed: final ? throughputCell(report.reportedAt, operatorId, 0n, 1n) : undefined,
  };
}

function moneyOf({ charge }: LedgerEntry): MoneyCell | undefined {
  if (charge === undefined) return undefined;
  const { chargedAt, accountId, operatorId, currency, amount } = charge;
  const bucket = floorToMinutes(chargedAt, BASE_GRAIN_MINUTES);
  const charges = { charges: 1n, charged: amount, refunds: 0n, refunded: 0n };
  return { bucket, accountId, operatorId, currency, ...charges };
}

function throughputCell(
  at: EpochMicros,
  operatorId: string,
  accepted: bigint,
  completed: bigint,
): ThroughputCell {
  const bucket = floorToMinutes(at, THROUGHPUT_GRAIN_MINUTES);
  return { bucket, operatorId, accepted, completed };
}

/** What a refund counts for: money alone, under its own account, operator and currency. */
export function countedOfRefund(refund: LedgerRefund): MoneyCell {
  const { refundedAt, accountId, operatorId, currency, amount } = refund;
  const bucket = floorToMinutes(refundedAt, BASE_GRAIN_MINUTES);
  const refunds = { charges: 0n, charged: 0n, refunds: 1n, refunded: amount };
  return { bucket, accountId, operatorId, currency, ...refunds };
}

/** True for a failure or DELIVERED: nothing but a contradiction is expected afterwards. */
export function isFinal(state: StateNumber): boolean {
  return classOf(state) >= CLASS_FAILURE;
}

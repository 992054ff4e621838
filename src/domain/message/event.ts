// Events that passed every rule of the contract: the only form in which they travel past decoding.
// Decoding builds them, the ledger joins them. Whatever is wrong with an event has been refused
// before; nothing after this type checks again.
import type { Nanos } from '../measures/decimal.js';
import type { EpochMicros } from '../time/instant.js';
import type { NetworkNumber, StateNumber } from './outcome.js';

/** Where an event came from, so that a conflict can be dead-lettered long after its arrival. */
export interface EventSource {
  /** Stream sequence, at least 1. Identifies nothing once the stream has been recreated. */
  readonly sequence: number;
  /** First 64 bits of SHA-256 of the payload, big-endian, as a signed integer (SQL bigint). */
  readonly digest: bigint;
}

interface EventHead {
  /** 1-128 of `[A-Za-z0-9._:-]`. */
  readonly eventId: string;
  /** Lower-case canonical UUID. */
  readonly messageId: string;
  /** 1-64 of `[A-Za-z0-9._-]`, the first alphanumeric. */
  readonly accountId: string;
  /** As `accountId`. */
  readonly operatorId: string;
  readonly acceptedAt: EpochMicros;
  readonly source: EventSource;
}

/** A message was accepted and charged. */
export interface ChargedEvent extends EventHead {
  readonly kind: 'charged';
  /** Never before `acceptedAt`. */
  readonly chargedAt: EpochMicros;
  /** 1-255. */
  readonly segments: number;
  readonly amount: Nanos;
  /** ISO 4217 alphabetic code. */
  readonly currency: string;
}

/** A charge, or part of it, was given back. */
export interface RefundedEvent extends EventHead {
  readonly kind: 'refunded';
  /** Never before `acceptedAt`. */
  readonly refundedAt: EpochMicros;
  readonly amount: Nanos;
  /** ISO 4217 alphabetic code. */
  readonly currency: string;
}

/** An operator reported a state of the message. */
export interface ReportedEvent extends EventHead {
  readonly kind: 'reported';
  /** Never before `acceptedAt`. */
  readonly reportedAt: EpochMicros;
  /** SMPP's own number, 0-9; not the number in the protobuf enum. */
  readonly state: StateNumber;
  /** 0 where the event has no error; then `code` is 0 too. */
  readonly network: NetworkNumber;
  /** uint32. */
  readonly code: number;
}

/** What the ledger joins. */
export type AdmittedEvent = ChargedEvent | RefundedEvent | ReportedEvent;

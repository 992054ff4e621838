// The events that a publisher takes, in the names and forms of the contract (section 1). Never the
// destination or the text of a message.

import type { STATE_NAMES } from '../../domain/message/outcome.js';

/** What every event says. */
interface EventHead {
  /** 1-128 of `[A-Za-z0-9._:-]`, unique per producer. */
  readonly eventId: string;
  /** A UUID, one per SMS and recipient; version 7 recommended. */
  readonly messageId: string;
  /** 1-64 of `[A-Za-z0-9._-]`, the first alphanumeric. */
  readonly accountId: string;
  /** As `accountId`; usually the operator's MCC and MNC, such as 41220. */
  readonly operatorId: string;
  /** RFC 3339: when the gateway accepted the message, the same in every event of the message. */
  readonly acceptedAt: string;
}

/** A message was accepted and charged. */
export interface MessageCharged extends EventHead {
  readonly chargedAt: string;
  /** SMPP parts, 1-255. */
  readonly segments: number;
  /** Exact decimal, at least 0, at most 18 integer digits and 9 decimals. */
  readonly amount: string;
  /** ISO 4217 alphabetic code, upper case. */
  readonly currency: string;
}

/** A charge, or part of it, was given back. */
export interface MessageRefunded extends EventHead {
  readonly refundedAt: string;
  readonly amount: string;
  readonly currency: string;
}

/** An operator reported a state of the message. */
export interface DeliveryReported extends EventHead {
  readonly reportedAt: string;
  readonly state: (typeof STATE_NAMES)[number];
  readonly error?: { readonly network: 'GSM_MAP' | 'SMPP' | 'VENDOR'; readonly code?: number };
}

// An event as the stream stores it: its bytes, and what the stream says of them.
import type { EventKind } from '../domain/message/admission.js';
import type { EpochMicros } from '../domain/time/instant.js';

/** The subjects of the contract's events. */
export const SUBJECT_OF_KIND: Readonly<Record<EventKind, string>> = {
  charged: 'sms.billing.v1.charged',
  refunded: 'sms.billing.v1.refunded',
  reported: 'sms.dlr.v1.reported',
};

/** What the stream says of one event. */
export interface PublishedEvent {
  readonly subject: string;
  /** Value of the header `content-type`; undefined or '' where there is none: JSON. */
  readonly contentType: string | undefined;
  readonly payload: Uint8Array;
  /** Stream sequence. */
  readonly sequence: number;
  /** When the stream stored it. */
  readonly timestamp: EpochMicros;
}

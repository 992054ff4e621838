// An event as the stream stores it: its bytes, and what the stream says of them.
import type { EpochMicros } from '../domain/time/instant.js';

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

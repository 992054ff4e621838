// What a question needs to know about its caller. The scope comes from the authenticated caller,
// never from the question itself.
import type { EpochMicros } from '../../domain/time/instant.js';

export interface QueryContext {
  /**
   * The account that the caller may ask about: the portal's own, or the one that an admin asked
   * for; undefined for questions about the platform.
   */
  readonly accountId: string | undefined;
  /**
   * The account whose rows Postgres shows, by a reading of the call that shares no code with the
   * one above: only for the setting of row-level security, and to be held against `accountId`.
   */
  readonly rowAccountId: string | undefined;
  /** Aborts when the caller no longer waits. */
  readonly signal: AbortSignal;
  /** When the answer must be there, by the wall clock; undefined: only the server's cap applies. */
  readonly deadline: EpochMicros | undefined;
}

/** An answer as protobuf encodes it: `Response` says which message. */
export type Encoded<Response> = Uint8Array & { readonly __message?: Response };

/** An answer, and the revision that it stands on. */
export interface Answer<Response> {
  readonly bytes: Encoded<Response>;
  readonly revision: string;
}

/**
 * A question that is valid and within the caller's scope; may be asked again and for other callers
 * of that scope.
 */
export type Prepared<Response> = (context: QueryContext) => Promise<Answer<Response>>;

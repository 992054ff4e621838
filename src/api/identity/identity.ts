// What an identity is, and how the three ways to read one are chosen. identity-reader.ts has the
// ways.
import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { DenialReason } from '../authorisation/denial-reasons.js';
import type { SpiffeId } from './spiffe-id.js';

/** A proven identity: a SPIFFE ID, or the name that a Linkerd proxy vouches for. */
export type Identity =
  | { readonly kind: 'spiffe'; readonly id: SpiffeId }
  | { readonly kind: 'linkerd'; readonly id: string };

/** Why the caller is not identified: a constant, safe to log and to count. */
export interface Unidentified {
  readonly kind: 'none';
  readonly reason: DenialReason;
}

/**
 * Who makes a call, from its connection and headers; `connection` is one object per connection.
 * Never throws.
 */
export type IdentityReader = (
  call: ServerInterceptingCallInterface,
  metadata: Metadata,
  connection?: object | undefined,
) => Identity | Unidentified;

export type IdentityMode = 'tls' | 'istio-xfcc' | 'linkerd';

export interface IdentityOptions {
  readonly mode: IdentityMode;
  /** Our own SPIFFE ID: what the sidecar must say it accepted the connection as. */
  readonly ownId: SpiffeId;
  /** Peers whose headers count; without them only the usual address of the mode's sidecar. */
  readonly sidecarAddresses?: readonly string[] | undefined;
}

// Who is calling, by one of three explicit ways to know it. A deployment chooses one; there is no fallback from one to
// another, and a way never looks at what belongs to another (in `tls` mode no header is read at all).
import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { DenialReason } from './denial-reasons.js';
import { linkerdIdentity } from './identity-linkerd.js';
import { tlsIdentity } from './identity-tls.js';
import { xfccIdentity } from './identity-xfcc.js';
import type { SpiffeId } from './spiffe-id.js';

/** A proven identity: a SPIFFE ID, or the name that a Linkerd proxy vouches for. */
export type Identity =
  | { readonly kind: 'spiffe'; readonly id: SpiffeId }
  | { readonly kind: 'linkerd'; readonly id: string };

/** Why nobody could be identified: a constant, safe to log and to count. */
export interface Unidentified {
  readonly kind: 'none';
  readonly reason: DenialReason;
}

/** Who makes a call, from its connection and headers; `connection` is one object per connection. Never throws. */
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

/** Where Istio's inbound proxy and Linkerd's proxy connect from. */
const ISTIO_PEERS = ['127.0.0.6'];
const LINKERD_PEERS = ['127.0.0.1', '::1'];

/** The reader of a mode. */
export function identityReader(options: IdentityOptions): IdentityReader {
  switch (options.mode) {
    case 'tls':
      return tlsIdentity;
    case 'istio-xfcc':
      return fromSidecar(options.sidecarAddresses ?? ISTIO_PEERS, (metadata) =>
        xfccIdentity(metadata, options.ownId),
      );
    case 'linkerd':
      return fromSidecar(options.sidecarAddresses ?? LINKERD_PEERS, linkerdIdentity);
  }
}

/** A header counts only on a connection from the sidecar itself. */
function fromSidecar(
  addresses: readonly string[],
  read: (metadata: Metadata) => Identity | Unidentified,
): IdentityReader {
  const trusted = new Set(addresses.map(plainAddress));
  return (call, metadata) => {
    const peer = call.getConnectionInfo().remoteAddress;
    if (peer === undefined || !trusted.has(plainAddress(peer))) {
      return { kind: 'none', reason: 'PEER_IS_NOT_THE_SIDECAR' };
    }
    return read(metadata);
  };
}

/** An IPv4 address in its IPv6 spelling is that IPv4 address. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').toLowerCase();
}

// Who is calling, by one of three explicit ways to know it. A deployment chooses one; there is no
// fallback from one to another, and a way never looks at what belongs to another (in `tls` mode no
// header is read at all).
import type { Metadata } from '@grpc/grpc-js';
import type { Identity, IdentityOptions, IdentityReader, Unidentified } from './identity.js';
import { linkerdIdentity } from './identity-linkerd.js';
import { tlsIdentity } from './identity-tls.js';
import { xfccIdentity } from './identity-xfcc.js';

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

// Identity mode `linkerd`: the Linkerd proxy terminated mutual TLS and says who called in
// l5d-client-id, which it sets itself and strips from what callers send. The name is a DNS-like
// one, not a SPIFFE ID, and is compared as a whole.
import type { Metadata } from '@grpc/grpc-js';
import type { Identity, Unidentified } from './identity.js';

const LONGEST_NAME = 253;
/**
 * `<service account>.<namespace>.serviceaccount.identity.<control plane namespace>.<trust domain>`.
 */
const NAME = /^[a-z0-9-]+\.[a-z0-9-]+\.serviceaccount\.identity(\.[a-z0-9-]+)+$/;

/** Whether `name` is the name of a Kubernetes service account in Linkerd's form. */
export function isLinkerdName(name: string): boolean {
  return name.length <= LONGEST_NAME && NAME.test(name);
}

/** The caller that the proxy vouches for. Two headers arrive joined and are refused by the form. */
export function linkerdIdentity(metadata: Metadata): Identity | Unidentified {
  const values = metadata.get('l5d-client-id');
  const [name] = values;
  if (values.length !== 1 || typeof name !== 'string' || name === '') {
    return { kind: 'none', reason: 'LINKERD_ID_MISSING' };
  }
  if (!isLinkerdName(name)) return { kind: 'none', reason: 'LINKERD_ID_MALFORMED' };
  return { kind: 'linkerd', id: name };
}

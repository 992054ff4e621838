// Identity mode `tls`: this process terminated mutual TLS itself. The caller is the one URI among
// the subject alternative names of the verified client certificate; no header is looked at.
import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { certificateUris } from './certificate-uris.js';
import type { Identity, Unidentified } from './identity.js';
import { parseSpiffeId } from './spiffe-id.js';

/**
 * A connection shows its certificate once (TLS 1.3 has no renegotiation); reading it costs as much
 * as a short answer.
 */
const known = new WeakMap<object, Identity | Unidentified>();

/** The caller of a call over our own TLS. */
export function tlsIdentity(
  call: ServerInterceptingCallInterface,
  _metadata: Metadata,
  connection?: object | undefined,
): Identity | Unidentified {
  const found = connection && known.get(connection);
  if (found !== undefined) return found;
  const identity = peerIdentity(call);
  if (connection !== undefined) known.set(connection, identity);
  return identity;
}

function peerIdentity(call: ServerInterceptingCallInterface): Identity | Unidentified {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate?.raw === undefined) return { kind: 'none', reason: 'NO_CERTIFICATE' };
  return certificateIdentity(certificate.raw);
}

/** The identity that a verified certificate's DER states. */
export function certificateIdentity(der: Buffer): Identity | Unidentified {
  let uris: string[];
  try {
    uris = certificateUris(der);
  } catch {
    return { kind: 'none', reason: 'CERTIFICATE_MALFORMED' };
  }
  const [uri] = uris;
  if (uri === undefined) return { kind: 'none', reason: 'CERTIFICATE_WITHOUT_URI' };
  if (uris.length > 1) return { kind: 'none', reason: 'CERTIFICATE_WITH_SEVERAL_URIS' };
  const id = parseSpiffeId(uri);
  if (id === undefined) return { kind: 'none', reason: 'NOT_A_SPIFFE_ID' };
  return { kind: 'spiffe', id };
}

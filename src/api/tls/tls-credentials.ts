// Mutual TLS for grpc-js: TLS 1.3 only, a client certificate required, no session resumption (a
// resumed session would outlive its certificate), and a hot swap of certificate, key and
// authorities that touches no open connection. grpc-js's own credentials accept TLS 1.2, and a swap
// forgets what is not said again: every set says it all.
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import { connectionLimits } from '../server/limits.js';
import type { TlsMaterial } from './tls-material.js';

/** Credentials of one server. */
export class MutualTlsCredentials extends ServerCredentials {
  constructor(material: TlsMaterial) {
    super(
      { ...connectionLimits, requestCert: true, rejectUnauthorized: true },
      contextOptions(material),
    );
  }

  /** Uses another set for all connections from now on. */
  rotate(material: TlsMaterial): void {
    this.updateSecureContextOptions(contextOptions(material));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOptions(material: TlsMaterial): SecureContextOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
    cert: material.cert,
    key: material.key,
    ca: material.ca,
  };
}

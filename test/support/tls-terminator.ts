// TLS in front of a plain server: takes the handshake, hands the bytes on. Certificates can be
// exchanged between tests.

import { connect } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { freePorts } from '../../deploy/local/engines/ports.js';

export interface Terminator extends AsyncDisposable {
  readonly port: number;
  /** Handshakes that were completed. */
  readonly connectionCount: () => number;
}

/** Listens on 127.0.0.1 with `options` and forwards to `port` of this machine. */
export async function terminateTls(options: TlsOptions, to: number): Promise<Terminator> {
  let connectionCount = 0;
  const server = createServer(options, (secure) => {
    connectionCount++;
    const plain = connect(to, '127.0.0.1');
    secure.pipe(plain).pipe(secure);
    secure.on('error', () => plain.destroy());
    plain.on('error', () => secure.destroy());
    secure.on('close', () => plain.destroy());
  });
  server.on('tlsClientError', () => {});
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    connectionCount: () => connectionCount,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

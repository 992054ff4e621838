// Stands between ingest and NATS and lets a given number of acknowledgements through: what the
// client sends after them stays here, as it stays in the buffers of a process or a network that
// ends. The server's side passes freely.

import { createServer, connect as dial, type Socket } from 'node:net';

/** Of one acknowledgement on the wire: `PUB $JS.ACK.… 4`, and then this. */
const ACK = Buffer.from('+ACK\r\n');

export interface AckProxy {
  readonly port: number;
  /** Acknowledgements that went through. */
  readonly passed: number;
  /** Ends it, and all that it holds back with it. */
  close(): Promise<void>;
}

/**
 * Listens on a free port of 127.0.0.1 and forwards to `targetPort`; after `most` acknowledgements
 * nothing more.
 */
export async function startAckProxy(targetPort: number, most: number): Promise<AckProxy> {
  const sockets = new Set<Socket>();
  let passed = 0;
  const server = createServer((client) => {
    const target = dial(targetPort, '127.0.0.1');
    const end = () => {
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    target.pipe(client);
    let matched = 0;
    client.on('data', (chunk) => {
      let length = 0;
      while (length < chunk.length && passed < most) {
        const byte = chunk[length++];
        matched = byte === ACK[matched] ? matched + 1 : Number(byte === ACK[0]);
        if (matched < ACK.length) continue;
        matched = 0;
        passed += 1;
      }
      if (length > 0) target.write(chunk.subarray(0, length));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get passed() {
      return passed;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

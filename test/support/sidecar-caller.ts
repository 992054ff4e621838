// Calls the API in plaintext HTTP/2 as a mesh's sidecar would: from an address of our choice, with
// any headers. Raw on purpose, since no gRPC library lets a test choose the address or send a
// header twice.

import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { connect as dial } from 'node:net';
import { ErrorInfo } from '../../src/generated/proto/google/rpc/error_details.js';
import { Status } from '../../src/generated/proto/google/rpc/status.js';
import { framed } from './grpc-frame.js';

/** How a call ended; without a code no rpc was served at all. */
export interface PlainEnd {
  readonly code: number | undefined;
  readonly message: string;
  readonly reason: string | undefined;
  readonly body: Buffer | undefined;
}

export interface PlainCall {
  readonly port: number;
  /** Our end of the connection; any 127.x.x.x is ours to use on Linux. */
  readonly from: string;
  /** `package.Service/Method`. */
  readonly method: string;
  readonly message: Uint8Array;
  readonly headers: OutgoingHttpHeaders;
}

/** One call over a connection of its own; resolves whatever its end. */
export function callPlainly({
  port,
  from,
  method,
  message,
  headers,
}: PlainCall): Promise<PlainEnd> {
  const session = connect(`http://127.0.0.1:${port}`, {
    createConnection: () => dial({ port, host: '127.0.0.1', localAddress: from }),
  });
  return new Promise<PlainEnd>((resolve) => {
    const nothing = { code: undefined, message: '', reason: undefined, body: undefined };
    session.on('error', () => resolve(nothing));
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '10S',
      ...headers,
    });
    let seen: Record<string, unknown> = {};
    const parts: Buffer[] = [];
    stream.on('response', (more) => (seen = { ...seen, ...more }));
    stream.on('trailers', (more) => (seen = { ...seen, ...more }));
    stream.on('data', (part) => parts.push(part));
    stream.on('error', () => {});
    stream.on('close', () => resolve(endOf(seen, Buffer.concat(parts))));
    stream.end(framed(message));
  }).finally(() => session.destroy());
}

function endOf(seen: Record<string, unknown>, body: Buffer): PlainEnd {
  const code = seen['grpc-status'];
  const details = seen['grpc-status-details-bin'];
  return {
    code: code === undefined ? undefined : Number(code),
    message: decodeURI(String(seen['grpc-message'] ?? '')),
    reason: details === undefined ? undefined : reasonIn(String(details)),
    body: body.length < 5 ? undefined : body.subarray(5),
  };
}

function reasonIn(base64: string): string | undefined {
  const { details } = Status.decode(Buffer.from(base64, 'base64'));
  const any = details.find(({ typeUrl }) => typeUrl.endsWith('google.rpc.ErrorInfo'));
  return any && ErrorInfo.decode(any.value).reason;
}

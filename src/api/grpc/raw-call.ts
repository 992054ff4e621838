// The only file that touches what grpc-js keeps to itself. grpc-js answers a passed deadline, a malformed or an
// oversize message below every interceptor, and leaves half-sent streams open after it has answered. Both are cured at
// the innermost call: each status passes `onStatus` first, and a stream that the client has not ended is closed soon
// after the answer. A test holds that grpc-js still looks like this.
import type { Http2SecureServer, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, ServerInterceptingCallInterface } from '@grpc/grpc-js';

/** A status on its way to the caller. */
export type OutgoingStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** How long a client that was answered may leave its side of the stream open. */
const HALF_OPEN_MS = 1_000;

interface Innards {
  stream?: ServerHttp2Stream;
}

/**
 * Lets `onStatus` see, and replace, every status before it is sent on the innermost call, whoever made it. It may be
 * called more than once; only the first status counts.
 */
export function watchStatus(
  call: ServerInterceptingCallInterface,
  onStatus: (status: OutgoingStatus) => OutgoingStatus,
): void {
  const send = call.sendStatus.bind(call);
  const { stream } = call as Innards;
  call.sendStatus = (status) => {
    send(onStatus(status));
    if (stream !== undefined) closeSoon(stream);
  };
}

/** The connection of the innermost call: one object for as long as it lives, the same for all of its calls. */
export function connectionOf(call: ServerInterceptingCallInterface): object | undefined {
  return (call as Innards).stream?.session;
}

/** Calls `watch` with each connection that a bound server accepts from now on. */
export function watchSessions(server: Server, watch: (session: ServerHttp2Session) => void): void {
  const { http2Servers } = server as unknown as { http2Servers: Map<Http2SecureServer, unknown> };
  for (const http2Server of http2Servers.keys()) http2Server.on('session', watch);
}

function closeSoon(stream: ServerHttp2Stream): void {
  if (stream.closed || stream.readableEnded) return;
  const timer = setTimeout(() => stream.close(), HALF_OPEN_MS);
  timer.unref();
  stream.once('close', () => clearTimeout(timer));
}

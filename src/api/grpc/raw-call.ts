// The only file that touches what grpc-js keeps to itself. grpc-js answers a passed deadline, a malformed or an
// oversize message below every interceptor, and leaves half-sent streams open after it has answered. Both are cured at
// the innermost call: each status passes `onStatus` first, and a stream that the client has not ended, or has not read by its
// deadline, is closed soon after. It also serves any HTTP method and any content type that begins like gRPC's, and gives servers without
// TLS no limits; both are cured at its HTTP/2 servers. Methods that it does not know pass no interceptor. Tests hold that grpc-js still looks like this.
import {
  constants,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type Server, type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';

/** A status on its way to the caller. */
export type OutgoingStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** How long a client that was answered may leave its side of the stream open, and after its deadline the answer unread. */
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
  call.sendStatus = (outgoing) => {
    // The status stands behind an answer that is not read: the deadline has passed.
    const isUnread = stream !== undefined && stream.writableLength > 0;
    send(onStatus(outgoing));
    if (stream === undefined) return;
    // NO_ERROR would wait until all of it is read.
    if (isUnread) closeSoon(stream, constants.NGHTTP2_CANCEL);
    else if (!stream.readableEnded) closeSoon(stream, constants.NGHTTP2_NO_ERROR);
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

/** Closes TLS connections that agree on no HTTP/2: Node would answer them with advice about its own settings. */
export function closeForeignProtocols(server: Server): void {
  const { http2Servers } = server as unknown as { http2Servers: Map<Http2SecureServer, unknown> };
  for (const http2Server of http2Servers.keys()) {
    http2Server.on('unknownProtocol', (socket) => socket.destroy());
  }
}

/** Gives the HTTP/2 servers that are bound from now on, with or without TLS, these limits. */
export function limitConnections(server: Server, limits: SecureServerOptions): void {
  const { commonServerOptions } = server as unknown as { commonServerOptions: object };
  Object.assign(commonServerOptions, limits);
}

/** Lets calls of methods that a server does not have pass its interceptors like all others, as calls of `method`. */
export function interceptUnknownMethods(server: Server, method: string): void {
  const { handlers } = server as unknown as { handlers: Map<string, object> };
  const known = handlers.get.bind(handlers);
  const bytes = (value: Buffer) => value;
  const unknown = {
    type: 'unary',
    path: `/${method}`,
    deserialize: bytes,
    serialize: bytes,
    func: (_call: unknown, callback: (error: object) => void) =>
      callback({ code: status.UNIMPLEMENTED, details: 'no interceptor has answered' }),
  };
  handlers.get = (path) => known(path) ?? unknown;
}

/**
 * Turns away every request to a bound server that is no gRPC, before grpc-js sees it: another method than POST, another
 * content type than `application/grpc` and `application/grpc+proto`. gRPC-Web is such a type.
 */
export function refuseForeignRequests(server: Server): void {
  const { http2Servers } = server as unknown as { http2Servers: Map<Http2SecureServer, unknown> };
  for (const http2Server of http2Servers.keys()) {
    const handlers = http2Server.listeners('stream');
    if (handlers.length === 0) throw new Error('grpc-js handles its streams in another way');
    http2Server.removeAllListeners('stream');
    http2Server.on('stream', (stream, headers, ...rest) => {
      const httpStatus = statusOfForeign(headers);
      if (httpStatus === undefined) {
        for (const handle of handlers) handle.call(http2Server, stream, headers, ...rest);
        return;
      }
      stream.once('error', () => {});
      if (stream.destroyed) return;
      stream.respond({ ':status': httpStatus }, { endStream: true });
      stream.resume();
      closeSoon(stream, constants.NGHTTP2_NO_ERROR);
    });
  }
}

const CONTENT_TYPES = new Set(['application/grpc', 'application/grpc+proto']);

function statusOfForeign(headers: IncomingHttpHeaders): 405 | 415 | undefined {
  if (headers[':method'] !== 'POST') return 405;
  return CONTENT_TYPES.has(headers['content-type'] ?? '') ? undefined : 415;
}

function closeSoon(stream: ServerHttp2Stream, code: number): void {
  if (stream.closed) return;
  const timer = setTimeout(() => stream.close(code), HALF_OPEN_MS);
  timer.unref();
  stream.once('close', () => clearTimeout(timer));
}

// The only file that touches what grpc-js keeps to itself. grpc-js answers a passed deadline, a
// malformed or an oversize message below every interceptor, and leaves half-sent streams open after
// it has answered. Both are cured at the innermost call: each status passes `onStatus` first, and a
// stream that the client has not ended, or has not read by its deadline, is closed soon after. It
// also serves any HTTP method and any content type that begins like gRPC's, and gives servers
// without TLS no limits; both are cured at its HTTP/2 servers. Methods that it does not know pass
// no interceptor. Tests hold that grpc-js still looks like this.
import {
  constants,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { type Server, type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import { readableTimeout, statusOfForeign } from './request-headers.js';

/** A status on its way to the caller. */
export type OutgoingStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/**
 * How long a client that was answered may leave its side of the stream open, and after its deadline
 * the answer unread.
 */
const HALF_OPEN_MS = 1_000;

interface Innards {
  stream?: ServerHttp2Stream;
  incomingEncoding: string;
  decompressMessage(message: Buffer, encoding: string): Buffer | Promise<Buffer>;
}

/**
 * Lets `onStatus` see, and replace, every status before it is sent on the innermost call, also
 * those that the library makes. It may be called more than once; only the first status counts.
 */
export function watchStatus(
  call: ServerInterceptingCallInterface,
  onStatus: (status: OutgoingStatus) => OutgoingStatus,
): void {
  const send = call.sendStatus.bind(call);
  const { stream } = call as unknown as Innards;
  call.sendStatus = (outgoing) => {
    // The status waits behind an unread answer: the deadline has passed.
    const isUnread = stream !== undefined && stream.writableLength > 0;
    send(onStatus(outgoing));
    if (stream === undefined) return;
    // NO_ERROR would wait until all of it is read.
    if (isUnread) closeSoon(stream, constants.NGHTTP2_CANCEL);
    else if (!stream.readableEnded) closeSoon(stream, constants.NGHTTP2_NO_ERROR);
  };
}

/**
 * Refuses a message whose flag is neither 0 nor 1, or says that it is compressed where no encoding
 * is named.
 */
export function refuseWrongFlags(call: ServerInterceptingCallInterface): void {
  const innards = call as unknown as Innards;
  const decompress = innards.decompressMessage.bind(innards);
  innards.decompressMessage = (message, encoding) => {
    const [flag] = message;
    const isNamed = innards.incomingEncoding !== 'identity';
    if (flag === 0 || (flag === 1 && isNamed)) return decompress(message, encoding);
    return Promise.reject({ code: status.INTERNAL, details: 'a flag that is wrong' });
  };
}

/**
 * The connection of the innermost call: one object for as long as it lives, the same for all of its
 * calls.
 */
export function connectionOf(call: ServerInterceptingCallInterface): object | undefined {
  return (call as unknown as Innards).stream?.session;
}

/**
 * Calls `watch` with each connection that a bound server accepts from now on, and with the socket
 * under it.
 */
export function watchSessions(
  server: Server,
  watch: (session: ServerHttp2Session, socket: Socket) => void,
): void {
  for (const http2Server of http2ServersOf(server)) {
    // Node makes the session within the event that brings its socket, with TLS the second of the
    // two.
    let accepted: Socket;
    const accept = (socket: Socket) => {
      accepted = socket;
    };
    http2Server.prependListener('connection', accept);
    http2Server.prependListener('secureConnection', accept);
    http2Server.on('session', (session) => watch(session, accepted));
  }
}

/**
 * Closes TLS connections that agree on no HTTP/2: Node would answer them with advice about its own
 * settings.
 */
export function closeForeignProtocols(server: Server): void {
  for (const http2Server of http2ServersOf(server)) {
    http2Server.on('unknownProtocol', (socket) => socket.destroy());
  }
}

function http2ServersOf(server: Server): Iterable<Http2SecureServer> {
  return (
    server as unknown as { http2Servers: Map<Http2SecureServer, unknown> }
  ).http2Servers.keys();
}

/** Gives the HTTP/2 servers that are bound from now on, with or without TLS, these limits. */
export function limitConnections(server: Server, limits: SecureServerOptions): void {
  const { commonServerOptions } = server as unknown as { commonServerOptions: object };
  Object.assign(commonServerOptions, limits);
}

/**
 * Lets calls of methods that a server does not have pass its interceptors like all others, as calls
 * of `method`.
 */
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

/** As Node emits it; the last are names and values in turn. */
type StreamEvent = [ServerHttp2Stream, IncomingHttpHeaders, number, string[]];

/**
 * Turns away every request to a bound server that is no gRPC, before grpc-js sees it
 * (`statusOfForeign`); gRPC-Web is none. A request is begun after all bytes that came with it are
 * read: where they take it back, it costs next to nothing.
 */
export function refuseForeignRequests(server: Server): void {
  for (const http2Server of http2ServersOf(server)) {
    const handlers = http2Server.listeners('stream');
    if (handlers.length === 0) throw new Error('grpc-js handles its streams in another way');
    http2Server.removeAllListeners('stream');
    const begin = (...event: StreamEvent) => {
      const [stream, headers, , rawHeaders] = event;
      if (stream.destroyed) return;
      const httpStatus = statusOfForeign(headers, rawHeaders);
      if (httpStatus !== undefined) {
        stream.respond({ ':status': httpStatus }, { endStream: true });
        stream.resume();
        closeSoon(stream, constants.NGHTTP2_NO_ERROR);
        return;
      }
      const timeout = headers['grpc-timeout'];
      if (timeout !== undefined) headers['grpc-timeout'] = readableTimeout(String(timeout));
      // A request without any message has ended by now, of which grpc-js would not hear.
      const isOver = stream.readableEnded;
      for (const handle of handlers) handle.apply(http2Server, event);
      if (isOver) stream.emit('end');
    };
    http2Server.on('stream', (...event: StreamEvent) => {
      event[0].once('error', () => {});
      setImmediate(begin, ...event);
    });
  }
}

function closeSoon(stream: ServerHttp2Stream, code: number): void {
  if (stream.closed) return;
  const timer = setTimeout(() => stream.close(code), HALF_OPEN_MS);
  timer.unref();
  stream.once('close', () => clearTimeout(timer));
}

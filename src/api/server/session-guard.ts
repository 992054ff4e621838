// Closes connections that misbehave. HTTP/2 itself stops a peer that does not read the answers to
// its control frames; one that reads them, or opens streams and resets them, could keep a core busy
// alone. Honest gRPC clients send a few pings a second at most, and reset what they no longer wait
// for. After a fault of the peer HTTP/2 sends GOAWAY and reads nothing more, and Node leaves the
// socket open: such a connection is known by a ping that does not leave.
import { constants, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';

const WINDOW_MS = 10_000;
const MOST_FRAMES_PER_WINDOW = 500;
/**
 * More than twice the streams that may be open at once; HTTP/2 itself gives up at twice as many.
 */
const MOST_RESETS_PER_WINDOW = 500;
/** A connection is tried once it was silent for so long. */
const SILENCE_MS = 400;
/** How long a peer may take to read the last bytes and to end its side. */
const CLOSING_MS = 500;

/** Watches one connection; closes it when it floods, or when HTTP/2 has given it up. */
export function guardSession(
  session: ServerHttp2Session,
  socket: Socket,
  clock: Clock,
  log: Log,
): void {
  const atMost = (most: number, fault: string) => {
    let windowStartMs = clock.monotonicMs();
    let count = 0;
    return () => {
      const nowMs = clock.monotonicMs();
      if (nowMs - windowStartMs > WINDOW_MS) {
        windowStartMs = nowMs;
        count = 0;
      }
      count += 1;
      if (count <= most || session.destroyed) return;
      log.warn(`connection closed: it ${fault}`, { count });
      closeConnection(session, socket);
    };
  };
  const frame = atMost(MOST_FRAMES_PER_WINDOW, 'floods control frames');
  session.on('ping', frame);
  session.on('remoteSettings', frame);
  const reset = atMost(MOST_RESETS_PER_WINDOW, 'resets too many streams');
  session.on('stream', (stream) => {
    if (stream.destroyed) reset();
    else stream.once('aborted', reset);
  });
  closeWhenGivenUp(session, socket);
}

/**
 * Sends a ping at the end of each exchange. After its own GOAWAY HTTP/2 never writes it, although
 * nothing is in the way; to a peer that reads nothing it waits behind other bytes, and the
 * connection stays.
 */
function closeWhenGivenUp(session: ServerHttp2Session, socket: Socket): void {
  let triedAt = -1;
  let isAsking = false;
  session.setTimeout(SILENCE_MS, () => {
    if (session.closed || isAsking || socket.bytesRead === triedAt) return;
    const { bytesWritten } = socket;
    isAsking = session.ping((error) => {
      isAsking = false;
      if (error === null) triedAt = socket.bytesRead;
    });
    setImmediate(() => {
      if (session.destroyed || socket.bytesWritten !== bytesWritten) return;
      if (unsentBytes(socket) === 0) closeConnection(session, socket);
    });
  });
}

/** What the peer has not made room for. Only the socket's handle knows, as HTTP/2 writes there. */
function unsentBytes(socket: Socket): number | undefined {
  return (socket as { _handle?: { writeQueueSize?: number } })._handle?.writeQueueSize;
}

/**
 * Says GOAWAY and closes the socket. What still arrives meanwhile is read and dropped: the kernel
 * would answer it with a reset, from which Node's own client does not always know that its
 * connection is over.
 */
function closeConnection(session: ServerHttp2Session, socket: Socket): void {
  // Node reads on where a session was closed before it is destroyed.
  session.close();
  session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const timer = setTimeout(() => socket.destroy(), CLOSING_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

// Closes connections that flood control frames. HTTP/2 itself stops a peer that does not read the answers; one that
// reads them could keep a core busy with pings or settings alone. Honest gRPC clients send a few pings a second at most.
import type { ServerHttp2Session } from 'node:http2';
import type { Clock } from '../../platform/clock.js';
import type { Log } from '../../platform/log.js';

const WINDOW_MS = 10_000;
const MOST_FRAMES_PER_WINDOW = 500;

/** Watches one connection; destroys it when it sends too many control frames in a window. */
export function guardSession(session: ServerHttp2Session, clock: Clock, log: Log): void {
  let windowStartMs = clock.monotonicMs();
  let frames = 0;
  const count = () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - windowStartMs > WINDOW_MS) {
      windowStartMs = nowMs;
      frames = 0;
    }
    frames += 1;
    if (frames <= MOST_FRAMES_PER_WINDOW || session.destroyed) return;
    log.warn('connection closed: it floods control frames', { count: frames });
    session.destroy();
  };
  session.on('ping', count);
  session.on('remoteSettings', count);
}

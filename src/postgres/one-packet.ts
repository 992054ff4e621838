// Statements of one turn of the event loop in one packet: each on its own is a system call, and
// wakes the server up.
import type { Writable } from 'node:stream';
import type pg from 'pg';

/**
 * A function to call before each statement of `client`: what follows until the end of this turn
 * leaves together.
 */
export function onePacket(client: pg.PoolClient): () => void {
  const { stream } = (client as pg.PoolClient & { connection: { stream: Writable } }).connection;
  let corked = false;
  return () => {
    if (corked) return;
    corked = true;
    stream.cork();
    process.nextTick(() => {
      corked = false;
      stream.uncork();
    });
  };
}

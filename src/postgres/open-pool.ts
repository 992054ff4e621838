// Every pool of the project. Invariant: a broken connection never ends the process. A statement at
// work rejects with the error, and an idle connection is replaced; but a connection that breaks
// between being handed over and its first statement tells nobody but its own `error` event, which
// ends the process where nobody listens.
import pg from 'pg';
import { loginOf, type RevealedUrl } from './login.js';

/** An instant without an offset is one of UTC, whatever the server, database or role is set to. */
const IN_UTC = '-c TimeZone=UTC';

/** Opens nothing before the first statement; `onIdleError` hears of idle connections that broke. */
export function openPool(
  url: RevealedUrl,
  options: pg.PoolConfig,
  onIdleError: (error: Error) => void = () => {},
): pg.Pool {
  const login = loginOf(url);
  const settings = [login.options, options.options, IN_UTC].filter(Boolean).join(' ');
  const pool = new pg.Pool({ ...login, ...options, options: settings });
  pool.on('error', onIdleError);
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** How full a pool is: connections open, those at work, and statements that wait for one. */
export function useOf(pool: pg.Pool): { open: number; busy: number; waiting: number } {
  const { totalCount: open, idleCount, waitingCount: waiting } = pool;
  return { open, busy: open - idleCount, waiting };
}

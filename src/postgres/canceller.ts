// Cancels what a connection runs, from a connection of its own: the pool may be full. One at a
// time, so that a crowd of callers who leave together does not take another crowd of connections.
import pg from 'pg';
import { createGate } from './gate.js';
import { loginOf, type RevealedUrl } from './login.js';

/** Longest wait for the turn, for the connection and for the answer, each. */
const LIMIT_MS = 2_000;
const never = new AbortController().signal;

/**
 * A function that cancels the running statement of a client; it never rejects. Whether it
 * succeeded, the statement's own fate tells.
 */
export function createCanceller(
  url: RevealedUrl,
  applicationName: string,
): (busy: pg.PoolClient) => Promise<void> {
  const gate = createGate(1, Number.POSITIVE_INFINITY);
  return async (busy) => {
    try {
      const leave = await gate.enter({ signal: never, remainingMs: LIMIT_MS });
      await cancel(url, applicationName, busy).finally(leave);
    } catch {
      // The statement timeout ends it, and the connection is closed anyway.
    }
  };
}

async function cancel(url: RevealedUrl, applicationName: string, busy: pg.PoolClient) {
  const client = new pg.Client({
    ...loginOf(url),
    connectionTimeoutMillis: LIMIT_MS,
    query_timeout: LIMIT_MS,
    application_name: applicationName,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT pg_cancel_backend($1)', [
      (busy as pg.PoolClient & { processID: number }).processID,
    ]);
  } finally {
    await client.end();
  }
}

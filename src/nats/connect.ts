// One connection to NATS that outlives restarts of the server: it reconnects for ever, and whatever
// is published in between waits in the client. Every user has an inbox of its own.
import { connect, Events, type NatsConnection, usernamePasswordAuthenticator } from 'nats';

export interface NatsAccess {
  /**
   * `nats://[user:password@]host:port`, several separated by commas; asked for again at each
   * reconnect.
   */
  readonly url: () => string;
  /** Where it is not in the URL. */
  readonly user?: string | undefined;
  /**
   * Where it is not in the URL; asked for again at each reconnect, so that a rotated one is used.
   */
  readonly password?: (() => string | undefined) | undefined;
  /** Shown by the server's monitoring. */
  readonly name: string;
  /** Must be one that the user may subscribe to (deploy/nats/nats.conf). */
  readonly inboxPrefix: string;
}

const RECONNECT_WAIT_MS = 500;

/**
 * Connects; rejects where no server answers, the user is refused or a password has none, and never
 * gives up afterwards.
 */
export async function connectNats(access: NatsAccess): Promise<NatsConnection> {
  const urls = access
    .url()
    .split(',')
    .map((url) => new URL(url));
  const user = access.user ?? decodeURIComponent(urls[0]?.username ?? '');
  const password = () => access.password?.() ?? passwordIn(access.url());
  if (user === '' && access.password?.() !== undefined) {
    throw new Error(
      'NATS_PASSWORD is set but no user is: set NATS_USER, or name the user in NATS_URL',
    );
  }
  return connect({
    servers: urls.map((url) => `${url.protocol}//${url.host}`),
    ...(user === '' ? {} : { authenticator: usernamePasswordAuthenticator(user, password) }),
    ...(urls.some((url) => url.protocol === 'tls:') ? { tls: {} } : {}),
    name: access.name,
    inboxPrefix: access.inboxPrefix,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    waitOnFirstConnect: false,
    // Two refusals in a row would end the client for good; while a password is rotated, they are to
    // be waited out.
    ignoreAuthErrorAbort: true,
  });
}

/**
 * Calls `act` whenever a server was away and is there again, which may be another one. Resolves
 * when closed.
 */
export async function onReconnect(connection: NatsConnection, act: () => void): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === Events.Reconnect) act();
  }
}

function passwordIn(urls: string): string {
  return decodeURIComponent(new URL(urls.split(',')[0] ?? '').password);
}

// How a pool logs in with a secret that may be rotated: the URL is read anew for every connection,
// so that a new password is used from the next connection on, without a restart. Open connections
// stay.
import type pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';

/** A connection URL as it is at this moment; a Secret of the configuration is one. */
export interface RevealedUrl {
  reveal(): string;
}

/** What of a pg configuration the URL says; the password is asked for at each connection. */
export function loginOf(url: RevealedUrl): pg.ClientConfig {
  const { password: _, ...rest } = parseIntoClientConfig(url.reveal());
  return { ...rest, password: () => passwordOf(url.reveal()) };
}

function passwordOf(url: string): string {
  return decodeURIComponent(new URL(url).password);
}

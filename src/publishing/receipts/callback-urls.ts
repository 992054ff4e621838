// The URL that a gateway calls back, for each gateway, with the signed reference in it. Infobip
// carries the reference as `callbackData` of each message instead.

import { type MessageReference, signReference } from './reference.js';

/** Gateways whose receipts can be read. */
export const GATEWAYS = ['kannel', 'jasmin', 'twilio', 'infobip', 'vonage', 'sinch'] as const;
export type Gateway = (typeof GATEWAYS)[number];

/** Where receipt-bridge serves a gateway's callbacks. */
function callbackPath(gateway: Gateway): string {
  return `/v1/receipts/${gateway}`;
}

/** Kannel's escape codes that are asked for: mask, the SMSC's answer, its id, Kannel's id, time. */
const KANNEL_CODES = 'd=%d&A=%A&F=%F&I=%I&T=%T';

/**
 * The callback URL of one message below `bridge`, receipt-bridge's own URL.
 *
 * @throws {TypeError} as `signReference` does, or `bridge` is no http or https URL
 */
export function callbackUrl(
  gateway: Exclude<Gateway, 'infobip'>,
  bridge: string,
  reference: MessageReference,
  key: Uint8Array,
): string {
  const url = withoutReference(gateway, bridge);
  const query = `ref=${signReference(reference, key)}`;
  return gateway === 'kannel' ? `${url}?${query}&${KANNEL_CODES}` : `${url}?${query}`;
}

/** The URL that Infobip is given once; `callbackData` of each message is its signed reference. */
export function infobipCallback(
  bridge: string,
  reference: MessageReference,
  key: Uint8Array,
): { readonly url: string; readonly callbackData: string } {
  return {
    url: withoutReference('infobip', bridge),
    callbackData: signReference(reference, key),
  };
}

function withoutReference(gateway: Gateway, bridge: string): string {
  const url = new URL(bridge);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError('the bridge has an http or https URL');
  return `${url.origin}${url.pathname.replace(/\/$/, '')}${callbackPath(gateway)}`;
}

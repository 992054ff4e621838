// SPIFFE IDs of workloads, parsed by the whole grammar and never searched or normalised: two
// spellings of one name are two names, and only the canonical one is ever accepted.
// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#2-spiffe-identity

/** A well-formed workload SPIFFE ID, byte for byte as it was presented. */
export type SpiffeId = string & { readonly brand: 'SpiffeId' };

const LONGEST_ID = 2048;
const LONGEST_TRUST_DOMAIN = 255;
const WORKLOAD = /^spiffe:\/\/([a-z0-9._-]+)((?:\/[A-Za-z0-9._-]+)+)$/;

/**
 * The SPIFFE ID in `text`, or undefined where it is anything else: another scheme or case,
 * percent-encoding, a port, user, query or fragment, an empty or dotted segment, a trailing slash,
 * a trust domain without a workload.
 */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > LONGEST_ID) return undefined;
  const [, trustDomain = '', path = ''] = WORKLOAD.exec(text) ?? [];
  if (trustDomain === '' || trustDomain.length > LONGEST_TRUST_DOMAIN) return undefined;
  const segments = path.slice(1).split('/');
  if (segments.some((segment) => segment === '.' || segment === '..')) return undefined;
  return text as SpiffeId;
}

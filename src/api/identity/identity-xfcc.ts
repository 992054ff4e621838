// Identity mode `istio-xfcc`: the Istio sidecar terminated mutual TLS and says who called in
// x-forwarded-client-cert. Istio appends its own element, so only the last one counts; the whole
// header is tokenised by its grammar, quotes included, and one malformed element spoils it all. A
// JSON form of the header is not this grammar.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
import type { Metadata } from '@grpc/grpc-js';
import type { Identity, Unidentified } from './identity.js';
import { parseSpiffeId, type SpiffeId } from './spiffe-id.js';

const LONGEST_HEADER = 16_384;

/** The caller that the sidecar vouches for, if it accepted the connection as `ownId`. */
export function xfccIdentity(metadata: Metadata, ownId: SpiffeId): Identity | Unidentified {
  const values = metadata.get('x-forwarded-client-cert');
  const [header] = values;
  if (values.length !== 1 || typeof header !== 'string' || header === '') {
    return { kind: 'none', reason: 'XFCC_MISSING' };
  }
  if (header.length > LONGEST_HEADER) return { kind: 'none', reason: 'XFCC_OVERSIZE' };
  const last = parseXfcc(header)?.at(-1);
  if (last === undefined) return { kind: 'none', reason: 'XFCC_MALFORMED' };
  if (!isOnly(last.get('by'), ownId)) return { kind: 'none', reason: 'XFCC_NOT_FOR_US' };
  const uris = last.get('uri') ?? [];
  if (uris.length !== 1) return { kind: 'none', reason: 'XFCC_NOT_ONE_URI' };
  const id = parseSpiffeId(uris[0] ?? '');
  if (id === undefined) return { kind: 'none', reason: 'NOT_A_SPIFFE_ID' };
  return { kind: 'spiffe', id };
}

function isOnly(values: readonly string[] | undefined, wanted: string): boolean {
  return values?.length === 1 && values[0] === wanted;
}

/** One pair and what follows it; quoted values may hold anything, with `\"` for a quote. */
const PAIR = /(By|Hash|Cert|Chain|Subject|URI|DNS)=(?:"((?:[^"\\]|\\.)*)"|([^",;=\s]*))([,;]|$)/iy;

/**
 * The elements of a header, each with its values by lower-case key; undefined where the grammar is
 * broken anywhere.
 */
export function parseXfcc(header: string): Map<string, string[]>[] | undefined {
  const elements: Map<string, string[]>[] = [];
  let element = new Map<string, string[]>();
  PAIR.lastIndex = 0;
  for (;;) {
    const match = PAIR.exec(header);
    if (match === null) return undefined;
    const [, key = '', quoted, plain = '', end] = match;
    const name = key.toLowerCase();
    const value = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
    element.set(name, [...(element.get(name) ?? []), value]);
    if (end === ';') continue;
    elements.push(element);
    if (end === '') return elements;
    element = new Map();
  }
}

// Why a call is denied, as a closed union: what RUNBOOK.md explains, what the audit records, and
// what the metrics count from 0, so that the first denial of a reason is an increase.

export const DENIAL_REASONS = [
  'NO_CERTIFICATE',
  'CERTIFICATE_MALFORMED',
  'CERTIFICATE_WITHOUT_URI',
  'CERTIFICATE_WITH_SEVERAL_URIS',
  'NOT_A_SPIFFE_ID',
  'PEER_IS_NOT_THE_SIDECAR',
  'XFCC_MISSING',
  'XFCC_OVERSIZE',
  'XFCC_MALFORMED',
  'XFCC_NOT_FOR_US',
  'XFCC_NOT_ONE_URI',
  'LINKERD_ID_MISSING',
  'LINKERD_ID_MALFORMED',
  'CALLER_NOT_LISTED',
  'METHOD_NOT_ALLOWED',
  'ACCOUNT_HEADER_INVALID',
  'FOREIGN_ACCOUNT',
] as const;
export type DenialReason = (typeof DENIAL_REASONS)[number];

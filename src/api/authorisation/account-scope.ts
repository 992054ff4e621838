// Which account a call may see. customer-portal sees the one account that its x-account-id names;
// the question must name the same one, byte for byte. Nothing is trimmed, folded or normalised:
// what is not exactly an account id is no header. The predicate of the query takes its account from
// here; row-level security takes it from row-account.ts.
import type { Metadata } from '@grpc/grpc-js';
import type { DenialReason } from './denial-reasons.js';
import type { Caller } from './policy.js';

/** The account id of the contract; two headers arrive joined as `A, B` and do not match. */
const ACCOUNT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Whether there is exactly one x-account-id and it is an account id. */
export function isWholeAccountHeader(metadata: Metadata): boolean {
  return accountOfHeader(metadata) !== undefined;
}

function accountOfHeader(metadata: Metadata): string | undefined {
  const values = metadata.get('x-account-id');
  const [value] = values;
  if (values.length !== 1 || typeof value !== 'string' || !ACCOUNT_ID.test(value)) return undefined;
  return value;
}

/** The scope of a call: the account it is bound to, or why it is refused. */
export type AccountScope =
  | { readonly kind: 'account'; readonly accountId: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly reason: DenialReason };

/**
 * The scope in which a question may be answered. A caller with `accounts: header` is bound to its
 * header, and may ask only questions that name that account; others are bound to the account that
 * the question names, if it names one.
 */
export function accountScope(caller: Caller, metadata: Metadata, asked: unknown): AccountScope {
  if (caller.accounts === 'any') {
    return typeof asked === 'string' ? { kind: 'account', accountId: asked } : { kind: 'none' };
  }
  const own = accountOfHeader(metadata);
  if (own === undefined) return { kind: 'refused', reason: 'ACCOUNT_HEADER_INVALID' };
  if (asked !== own) return { kind: 'refused', reason: 'FOREIGN_ACCOUNT' };
  return { kind: 'account', accountId: own };
}

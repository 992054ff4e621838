// The account whose rows Postgres shows to a call: the second reading of whom the call is for. It
// goes to the setting of row-level security and nowhere else. Invariant: it shares no code with
// account-scope.ts, where the predicate's account comes from, so that no single wrong line can name
// another account to both. Where it finds none, Postgres shows no row.
import type { Metadata } from '@grpc/grpc-js';
import { isPartyId } from '../../domain/message/identifiers.js';
import type { Caller } from './policy.js';

/**
 * The one value of the call's own x-account-id; for a caller whose row in the policy says
 * `accounts: any`, and for no other, the account that the question names. Undefined where that is
 * no account id.
 */
export function rowAccount(
  { accounts }: Pick<Caller, 'accounts'>,
  metadata: Metadata,
  named: unknown,
): string | undefined {
  const values: readonly unknown[] = accounts === 'any' ? [named] : metadata.get('x-account-id');
  if (values.length !== 1) return undefined;
  const [only] = values;
  return typeof only === 'string' && isPartyId(only) ? only : undefined;
}

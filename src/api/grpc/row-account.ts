// Whose rows Postgres may show for a call: the setting that row-level security compares with. It is read from the call's
// own metadata a second time and knows nothing of account-scope.ts, from which the query's predicate comes, so that one
// wrong line there cannot open both. Only a caller whose policy says `accounts: any` names the account in its question.
import type { Metadata } from '@grpc/grpc-js';
import type { Caller } from './policy.js';

/** The one account whose rows the call may see; undefined: of no account. Never throws. */
export function rowAccount(
  { accounts }: Pick<Caller, 'accounts'>,
  metadata: Metadata,
  asked: unknown,
): string | undefined {
  if (accounts === 'any') return typeof asked === 'string' ? asked : undefined;
  // Two headers arrive as one value with a comma, which is no account's id.
  const { 'x-account-id': header } = metadata.getMap();
  return typeof header === 'string' ? header : undefined;
}

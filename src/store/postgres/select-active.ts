/** How many accounts had an accepted message. */
import { type EpochMicros, formatInstant } from '../../domain/instant.js';
import type { Snapshot } from './pool.js';

// Jumps along the primary key from account to account, then looks for one message of each: the cost
// is that of the accounts, not of their rows. (A plain count of distinct accounts reads them all.)
const ACTIVE_ACCOUNTS = `
  WITH RECURSIVE account (id) AS (
    SELECT min(account_id) FROM outcome_account WHERE generation = $1
    UNION ALL
    SELECT (SELECT min(later.account_id)
              FROM outcome_account AS later
             WHERE later.generation = $1 AND later.account_id > account.id)
      FROM account
     WHERE account.id IS NOT NULL
  )
  SELECT count(*)
    FROM account
   WHERE EXISTS (SELECT
                   FROM outcome_account AS cell
                  WHERE cell.generation = $1
                    AND cell.account_id = account.id
                    AND cell.grain_minutes = 15
                    AND cell.bucket >= $2::timestamptz
                    AND cell.bucket < $3::timestamptz
                    AND cell.messages > 0)`;

/** Accounts with an accepted message in [start, end), both on the base grain. */
export async function selectActiveAccounts(
  snapshot: Snapshot,
  generation: number,
  start: EpochMicros,
  end: EpochMicros,
): Promise<bigint> {
  const values = [generation, formatInstant(start), formatInstant(end)];
  const [row] = await snapshot.rows('active_accounts', ACTIVE_ACCOUNTS, values);
  return BigInt(row?.[0] ?? 0);
}

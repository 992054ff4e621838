/**
 * How many accounts had an accepted message. Reading it anew costs a look for every account; days that
 * did not change are not read again, see account-memory.ts.
 */
import { type EpochMicros, formatInstant, MICROS_PER_DAY } from '../../domain/instant.js';
import type { AccountMemory } from './account-memory.js';
import { readNumbers } from './cells.js';
import type { Snapshot } from './pool.js';

const DAY_VERSIONS = `
  SELECT array_agg(extract(epoch FROM bucket)::bigint / 86400), array_agg(version)
    FROM outcome_sum
   WHERE generation = $1 AND grain_minutes = 1440 AND operator_id = ''`;

// Jumps along the primary key from account to account: the cost is that of the accounts, not of their
// rows. (A plain list of distinct accounts reads them all.)
const ACCOUNTS = `
  WITH RECURSIVE account (id) AS (
    SELECT min(account_id) FROM outcome_account WHERE generation = $1
    UNION ALL
    SELECT (SELECT min(later.account_id)
              FROM outcome_account AS later
             WHERE later.generation = $1 AND later.account_id > account.id)
      FROM account
     WHERE account.id IS NOT NULL
  )
  SELECT array_to_string(array_agg(id), ',') FROM account WHERE id IS NOT NULL`;

// Looks for one message of each account. An id has no comma (contract, section 1).
const ACTIVE = `
  SELECT array_to_string(array_agg(account.id), ',')
    FROM unnest(string_to_array($2, ',')) AS account (id)
   WHERE EXISTS (SELECT
                   FROM outcome_account AS cell
                  WHERE cell.generation = $1
                    AND cell.account_id = account.id
                    AND cell.grain_minutes = 15
                    AND cell.bucket >= $3::timestamptz
                    AND cell.bucket < $4::timestamptz
                    AND cell.messages > 0)`;

/** Accounts with an accepted message in [start, end), both on the base grain. */
export async function selectActiveAccounts(
  snapshot: Snapshot,
  generation: number,
  start: EpochMicros,
  end: EpochMicros,
  memory: AccountMemory,
): Promise<bigint> {
  memory.enter(generation);
  const [row] = await snapshot.rows('day_versions', DAY_VERSIONS, [generation]);
  const versions = readNumbers(row?.[1] ?? '{}');
  const versionOf = new Map(readNumbers(row?.[0] ?? '{}').map((day, i) => [day, versions[i] ?? 0]));
  const total = versions.reduce((sum, version) => sum + version, 0);
  const known = memory.accountsAt(total);
  const accounts = known ?? (await readAccounts(snapshot, generation));
  if (known === undefined) memory.keepAccounts(total, accounts);

  const found = new Set<string>();
  let unknown: { day: number; version: number } | undefined;
  const lastDay = Math.floor(end / MICROS_PER_DAY);
  for (let day = Math.ceil(start / MICROS_PER_DAY); day < lastDay; day++) {
    const version = versionOf.get(day);
    if (version === undefined || found.size === accounts.length) continue;
    const active = memory.activeOn(day, version);
    if (active !== undefined) for (const id of active) found.add(id);
    else if (memory.isSteady(day, version)) unknown ??= { day, version };
  }
  if (found.size < accounts.length && unknown !== undefined) {
    // One day for each answer, so that none pays for all of them.
    const { day, version } = unknown;
    const [from, to] = [day * MICROS_PER_DAY, (day + 1) * MICROS_PER_DAY];
    const active = await readActive(snapshot, generation, accounts, from, to);
    memory.keepDay(day, version, new Set(active));
    for (const id of active) found.add(id);
  }
  const rest = accounts.filter((id) => !found.has(id));
  const others = await readActive(snapshot, generation, rest, start, end);
  return BigInt(found.size + others.length);
}

async function readAccounts(snapshot: Snapshot, generation: number): Promise<string[]> {
  const [row] = await snapshot.rows('accounts', ACCOUNTS, [generation]);
  return row?.[0] ? row[0].split(',') : [];
}

async function readActive(
  snapshot: Snapshot,
  generation: number,
  ids: readonly string[],
  from: EpochMicros,
  to: EpochMicros,
): Promise<string[]> {
  if (ids.length === 0) return [];
  const values = [generation, ids.join(','), formatInstant(from), formatInstant(to)];
  const [row] = await snapshot.rows('active_accounts', ACTIVE, values);
  return row?.[0] ? row[0].split(',') : [];
}

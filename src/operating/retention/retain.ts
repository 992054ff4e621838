// `ops retain`: forgets what is older than configured, once a day. Ledger days first (the floor
// rises with them, so that an old event delivered again is refused and not counted twice), then
// rollups by tier, then the progress rows of dead processes. Killed anywhere, the next run goes on.
import type { Command } from 'commander';
import { readGenerations } from '../../counting/guard/generation.js';
import { dayOf, type EpochDay, formatDay } from '../../domain/time/instant.js';
import { pause, systemClock } from '../../platform/clock.js';
import { audited } from '../audited.js';
import { type StoreSession, withStore } from '../session.js';
import { confirm, Progress, print, printJson } from '../terminal.js';
import {
  countDeadWorkers,
  deleteRollupDay,
  dropLedgerDays,
  foldDeadWorkers,
  ledgerDaysBelow,
  oldestRollupDay,
  ROLLUP_TIERS,
  type RollupTier,
} from './retention.js';

interface RetainOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** How long each kind is kept, in days. */
export interface Keeping {
  readonly ledgerDays: number;
  readonly rollupDays: number;
  readonly minuteDays: number;
}

/** What is to go, of every generation that is not retired. */
interface RetentionPlan {
  readonly ledgerBefore: EpochDay;
  readonly ledgerDays: readonly { readonly generation: number; readonly days: readonly string[] }[];
  readonly rollupDays: readonly {
    readonly generation: number;
    readonly tier: RollupTier;
    readonly from: EpochDay;
    readonly before: EpochDay;
  }[];
  readonly deadWorkers: number;
}

export function registerRetain(program: Command): void {
  program
    .command('retain')
    .description('drop ledger days and rollup rows that are older than configured; run it daily')
    .option('--dry-run', 'say what would go and change nothing')
    .option('--yes', 'do not ask')
    .option('--json', 'answer as JSON')
    .action((options: RetainOptions) => withStore((session) => run(session, options)));
}

async function run(session: StoreSession, options: RetainOptions): Promise<void> {
  const { pool, config } = session;
  const { ledgerDays, rollupDays, minuteDays } = config;
  const today = dayOf(systemClock.now());
  const plan = await planRetention(pool, { ledgerDays, rollupDays, minuteDays }, today);
  const lines = describe(plan);
  if (options.dryRun || lines.length === 0) {
    if (options.json) printJson({ done: false, forgets: lines });
    else print(lines.length === 0 ? 'Nothing is older than what is kept.' : lines.join('\n'));
    return;
  }
  await confirm(`${lines.join('\n')}\nThis cannot be undone. Go on?`, options.yes === true);
  const { summary } = await audited(
    session,
    'retain',
    `before ${formatDay(plan.ledgerBefore)}`,
    () => retain(pool, plan),
  );
  if (options.json) printJson({ done: true, forgets: lines, summary });
  else print(summary);
}

/** What is older than kept, seen from `today` (UTC). */
export async function planRetention(
  pool: StoreSession['pool'],
  keeping: Keeping,
  today: EpochDay,
): Promise<RetentionPlan> {
  const ledgerBefore = today - keeping.ledgerDays;
  const ledgerDays = [];
  const rollupDays = [];
  for (const { generation, state } of await readGenerations(pool)) {
    if (state === 'retired') continue;
    const days = await ledgerDaysBelow(pool, generation, ledgerBefore);
    if (days.length > 0) ledgerDays.push({ generation, days });
    for (const tier of ROLLUP_TIERS) {
      const before = today - keeping[tier.keptFor];
      const from = await oldestRollupDay(pool, tier, generation, before);
      if (from !== undefined) rollupDays.push({ generation, tier, from, before });
    }
  }
  return { ledgerBefore, ledgerDays, rollupDays, deadWorkers: await countDeadWorkers(pool) };
}

function describe({ ledgerBefore, ledgerDays, rollupDays, deadWorkers }: RetentionPlan): string[] {
  const ledger = ledgerDays.map(
    ({ generation, days }) =>
      `generation ${generation}: ${days.length} ledger days before ${formatDay(ledgerBefore)} ` +
      `(${days[0]} to ${days.at(-1)})`,
  );
  const rollups = rollupDays.map(
    ({ generation, tier, from, before }) =>
      `generation ${generation}: ${tier.table} of ${formatDay(from)} to ${formatDay(before - 1)}` +
      (tier.keptFor === 'minuteDays' ? ', by the minute' : ''),
  );
  const workers = deadWorkers > 0 ? [`${deadWorkers} progress rows of dead ingest processes`] : [];
  return [...ledger, ...rollups, ...workers];
}

const LOCK_ATTEMPTS = 15;
const LOCK_PAUSE_MS = 1_000;

/** Carries the plan out, a day at a time. */
export async function retain(
  pool: StoreSession['pool'],
  plan: RetentionPlan,
): Promise<{ readonly summary: string }> {
  const rollupDayCount = plan.rollupDays.reduce((sum, one) => sum + one.before - one.from, 0);
  const progress = new Progress('days', plan.ledgerDays.length + rollupDayCount);
  let done = 0;
  let partitionCount = 0;
  let rowCount = 0;
  try {
    for (const { generation } of plan.ledgerDays) {
      partitionCount += await dropPatiently(pool, generation, plan.ledgerBefore);
      progress.update(++done);
    }
    for (const { generation, tier, from, before } of plan.rollupDays) {
      for (let day = from; day < before; day++) {
        rowCount += await deleteRollupDay(pool, tier, generation, day);
        progress.update(++done);
      }
    }
  } finally {
    progress.end();
  }
  const workers = await foldDeadWorkers(pool);
  return {
    summary:
      `Dropped ${partitionCount} partitions, deleted ${rowCount} rollup rows, ` +
      `folded ${workers} progress rows.`,
  };
}

/** Ingest holds the tables for milliseconds at a time; between two batches there is a gap. */
async function dropPatiently(
  pool: StoreSession['pool'],
  generation: number,
  before: EpochDay,
): Promise<number> {
  for (let attempt = 1; attempt <= LOCK_ATTEMPTS; attempt++) {
    const dropped = await dropLedgerDays(pool, generation, before);
    if (dropped !== undefined) return dropped.length;
    await pause(LOCK_PAUSE_MS);
  }
  throw new Error(
    `The ledger days of generation ${generation} are locked by a long transaction. ` +
      'Run ops retain again when it is over.',
  );
}

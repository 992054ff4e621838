// `ops rebuild swap`: lets the new generation serve, once it has caught up and says the same as the
// old one, or its differences are accepted. Readers see one or the other, each in its own snapshot.

import { type GenerationRow, readGenerations } from '../../counting/guard/generation.js';
import {
  type EpochMicros,
  formatDay,
  formatInstant,
  MICROS_PER_DAY,
} from '../../domain/time/instant.js';
import { pause } from '../../platform/clock.js';
import { audited } from '../audited.js';
import { Refused } from '../exit-code.js';
import type { Session, StoreSession } from '../session.js';
import { confirm, print, printJson } from '../terminal.js';
import { cleanRetired } from './clean.js';
import { lastingDifferences } from './compare.js';
import type { BucketPair } from './compare-generations.js';
import { readUncleaned, swapGenerations } from './swap-generations.js';

export interface SwapOptions {
  readonly acceptDifferences?: boolean;
  readonly waitSeconds: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Both sides of a rebuild that is under way. */
export interface RebuildPair {
  readonly old: GenerationRow;
  readonly next: GenerationRow;
}

const POLL_MS = 200;
const SWAP_ATTEMPTS = 150;

/**
 * The generation that serves and the one that is being built; throws Refused where there is none.
 */
export async function readPair(pool: StoreSession['pool']): Promise<RebuildPair> {
  const generations = await readGenerations(pool);
  const old = generations.find(({ state }) => state === 'serving');
  const next = generations.find(({ state }) => state === 'building');
  if (old === undefined || next === undefined) {
    throw new Refused('No generation is being built. Begin with: ops rebuild start');
  }
  if (next.copiedAt === undefined) {
    throw new Refused(`Generation ${next.generation} is not copied yet. Run: ops rebuild start`);
  }
  return { old, next };
}

export async function swapRebuild(session: Session, options: SwapOptions): Promise<void> {
  const swapped = await alreadySwapped(session.pool);
  if (swapped !== undefined) return finishSwap(session, options, swapped);
  const { old, next } = await untilReached(session.pool, options.waitSeconds);
  const until = comparedUntil({ old, next });
  const differing = await lastingDifferences(session.pool, old.generation, next.generation, until);
  const days = differingDays(differing);
  if (differing.length > 0 && !options.acceptDifferences) {
    throw new Refused(
      `Generations ${old.generation} and ${next.generation} differ:\n${days.join('\n')}\n` +
        'If the new one is right: ops rebuild swap --accept-differences',
    );
  }
  const said = days.length === 0 ? 'Both say the same.' : `They differ:\n${days.join('\n')}\n`;
  if (options.dryRun) {
    if (options.json) printJson({ old: old.generation, new: next.generation, days, done: false });
    else print(`${said} Generation ${next.generation} can serve.`);
    return;
  }
  await confirm(
    `${said} Let generation ${next.generation} serve, and drop generation ${old.generation}?`,
    options.yes === true,
  );
  await audited(session, 'rebuild swap', `generation ${next.generation}`, async () => {
    await swapPatiently(session.pool, old.generation, next.generation);
    const differences = days.length === 0 ? 'equal' : `${days.length} differing days accepted`;
    return { summary: `in place of generation ${old.generation}, ${differences}` };
  });
  if (!options.json) {
    print(`Generation ${next.generation} serves. Ingest processes of ${old.generation} stop by`);
    print('themselves; from now on start all of them without --generation.');
  }
  const cleaned = await clean(session);
  if (options.json)
    printJson({ old: old.generation, new: next.generation, days, done: true, cleaned });
}

/**
 * The serving generation, where it is a rebuild's and no other is being built: a swap that was
 * killed had come so far.
 */
async function alreadySwapped(pool: StoreSession['pool']): Promise<GenerationRow | undefined> {
  const generations = await readGenerations(pool);
  if (generations.some(({ state }) => state === 'building')) return undefined;
  return generations.find(({ state, base }) => state === 'serving' && base !== undefined);
}

/** What was to be dropped was confirmed with the swap. */
async function finishSwap(
  session: Session,
  { json, dryRun }: SwapOptions,
  { generation, base: old }: GenerationRow,
): Promise<void> {
  const left = await readUncleaned(session.pool);
  if (!json)
    print(`Generation ${generation} serves already. ${left.length} generations are left over.`);
  const cleaned = dryRun || left.length === 0 ? [] : await clean(session);
  if (json) printJson({ old, new: generation, days: [], done: !dryRun, cleaned });
}

/** Cleans up after retired generations, with a record of its own where there was something. */
export async function clean(session: Session): Promise<readonly number[]> {
  const { cleaned } = await audited(session, 'rebuild clean', 'retired generations', async () => {
    const cleaned = await cleanRetired(session);
    return { cleaned, summary: cleaned.length === 0 ? 'none' : `dropped ${cleaned.join(', ')}` };
  });
  return cleaned;
}

/** Cells that end by it were complete on both sides at that time. */
export function comparedUntil({ old, next }: RebuildPair): EpochMicros {
  return Math.min(old.dataAsOf ?? Number.MAX_SAFE_INTEGER, next.dataAsOf ?? 0);
}

/** One line per table and UTC day. */
export function differingDays(differing: readonly BucketPair[]): string[] {
  const lines = differing.map(({ table, bucket }) => {
    const day = formatDay(Math.floor(bucket / MICROS_PER_DAY));
    return `  ${day} ${table}`;
  });
  return [...new Set(lines)].sort();
}

/** Waits until the new generation has come as far as the old one. */
async function untilReached(pool: StoreSession['pool'], waitSeconds: number): Promise<RebuildPair> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const pair = await readPair(pool);
    const { old, next } = pair;
    // Both are looked at once a second, each at its own time; the swap itself asks for the full
    // measure.
    const tolerated = 2_000_000;
    if ((next.dataAsOf ?? -Infinity) + tolerated >= (old.dataAsOf ?? -Infinity)) return pair;
    if (waitedMs >= waitSeconds * 1_000) {
      const text = (at: EpochMicros | undefined) =>
        at === undefined ? 'nothing' : formatInstant(at);
      throw new Refused(
        `Generation ${next.generation} has counted up to ${text(next.dataAsOf)}, ` +
          `generation ${old.generation} up to ${text(old.dataAsOf)}. ` +
          `Is ingest --generation ${next.generation} running? See: ops rebuild status`,
      );
    }
    await pause(POLL_MS);
  }
}

async function swapPatiently(pool: StoreSession['pool'], old: number, next: number): Promise<void> {
  for (let attempt = 1; attempt <= SWAP_ATTEMPTS; attempt++) {
    if (await swapGenerations(pool, old, next)) return;
    await pause(POLL_MS);
  }
  throw new Error(
    `Generation ${next} did not reach the watermark of ${old} in time; nothing was changed. ` +
      'Try again.',
  );
}

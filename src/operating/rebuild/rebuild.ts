// `ops rebuild`: the rollups computed anew beside those that serve, compared, and swapped in, while
// the API answers all the time. Never by truncating: acks sent before would count against the new
// copies.
import type { Command } from 'commander';
import { readGenerations } from '../../counting/guard/generation.js';
import { formatInstant } from '../../domain/time/instant.js';
import { durableInfo } from '../../nats/seek.js';
import { pause } from '../../platform/clock.js';
import { integerArgument } from '../arguments.js';
import { audited } from '../audited.js';
import { Refused } from '../exit-code.js';
import { type Session, withSession } from '../session.js';
import { confirm, Progress, print, printJson, tableText } from '../terminal.js';
import { lastingDifferences } from './compare.js';
import { type RollupTotals, rollupTotals } from './compare-generations.js';
import { type StartOptions, startRebuild } from './start.js';
import {
  clean,
  comparedUntil,
  differingDays,
  readPair,
  type SwapOptions,
  swapRebuild,
} from './swap.js';
import { readUncleaned, retireBuilding } from './swap-generations.js';

const LONGEST_WAIT_SECONDS = 86_400;
const DEFAULT_WAIT_SECONDS = 60;
const FOLLOW_PAUSE_MS = 1_000;

interface StatusOptions {
  readonly follow?: boolean;
  readonly json?: boolean;
}

export function registerRebuild(program: Command): void {
  const rebuild = program
    .command('rebuild')
    .description('compute the rollups anew beside the present ones, and swap them in');
  const changing = (command: Command) =>
    command
      .option('--dry-run', 'say what would be done and change nothing')
      .option('--yes', 'do not ask')
      .option('--json', 'answer as JSON');
  changing(rebuild.command('start'))
    .description('begin, or go on with, a new generation: copy what the stream no longer holds')
    .action((options: StartOptions) => withSession((session) => startRebuild(session, options)));
  rebuild
    .command('status')
    .description('how far the new generation is, and where it differs from the old one')
    .option('--follow', 'with a progress bar, until it has caught up')
    .option('--json', 'answer as JSON')
    .action((options: StatusOptions) => withSession((session) => status(session, options)));
  changing(rebuild.command('swap'))
    .description('let the new generation serve, and drop the old one')
    .option('--accept-differences', 'also where the two differ: the new one is right')
    .option(
      '--wait-seconds <n>',
      'longest time to wait for the new generation to catch up',
      integerArgument(0, LONGEST_WAIT_SECONDS),
      DEFAULT_WAIT_SECONDS,
    )
    .action((options: SwapOptions) => withSession((session) => swapRebuild(session, options)));
  changing(rebuild.command('abandon'))
    .description('give the new generation up and drop it')
    .action((options: StartOptions) => withSession((session) => abandon(session, options)));
  changing(rebuild.command('clean'))
    .description('drop what retired generations hold, where a swap or abandon could not')
    .action((options: StartOptions) => withSession((session) => cleanUp(session, options)));
}

async function status(session: Session, options: StatusOptions): Promise<void> {
  if (options.follow) await follow(session);
  const pair = await readPair(session.pool);
  const { old, next } = pair;
  const info = await durableInfo(session.manager, next.durable);
  const totals = await rollupTotals(session.pool, old.generation, next.generation);
  const differing = await lastingDifferences(
    ...([session.pool, old.generation, next.generation, comparedUntil(pair)] as const),
  );
  const waiting = info && info.num_pending + info.num_ack_pending;
  const report = {
    old: old.generation,
    new: next.generation,
    rebuiltFrom: next.rebuiltFrom && formatInstant(next.rebuiltFrom),
    durable: next.durable,
    waiting,
    dataAsOf: {
      old: old.dataAsOf && formatInstant(old.dataAsOf),
      new: next.dataAsOf && formatInstant(next.dataAsOf),
    },
    totals,
    differingDays: differingDays(differing),
  };
  if (options.json) return printJson(report);
  const went = waiting === undefined ? 'missing: ops rebuild start' : `${waiting} events to go`;
  print(`Generation ${report.new} beside ${report.old}, anew from ${report.rebuiltFrom}`);
  print(`Durable ${next.durable}: ${went}`);
  print(`data_as_of: ${report.dataAsOf.old ?? '-'} (old), ${report.dataAsOf.new ?? '-'} (new)\n`);
  print(totalsText(totals));
  const days = report.differingDays;
  print(days.length === 0 ? '\nBoth say the same.' : `\nThey differ:\n${days.join('\n')}`);
}

const totalsText = (totals: readonly RollupTotals[]) =>
  tableText([
    ['rollup', 'old', 'new'],
    ...totals.map(({ table, old, new: next }) => [table, old, next === old ? 'equal' : next]),
  ]);

/** A bar over the events of the stream, until none waits. */
async function follow({ pool, manager }: Session): Promise<void> {
  const { next } = await readPair(pool);
  let progress: Progress | undefined;
  try {
    for (;;) {
      const info = await durableInfo(manager, next.durable);
      if (info === undefined) return;
      const waiting = info.num_pending + info.num_ack_pending;
      const total = info.delivered.stream_seq + info.num_pending;
      progress ??= new Progress('replaying', total);
      progress.update(total - waiting, total);
      if (waiting === 0) return;
      await pause(FOLLOW_PAUSE_MS);
    }
  } finally {
    progress?.end();
  }
}

async function abandon(session: Session, options: StartOptions): Promise<void> {
  const building = (await readGenerations(session.pool)).find(({ state }) => state === 'building');
  if (building === undefined) throw new Refused('No generation is being built.');
  const { generation } = building;
  if (options.dryRun) {
    if (options.json) printJson({ generation, done: false });
    else print(`Would drop generation ${generation}.`);
    return;
  }
  await confirm(`Drop generation ${generation}, which is being built?`, options.yes === true);
  await audited(session, 'rebuild abandon', `generation ${generation}`, async () => {
    await retireBuilding(await session.prisma(), generation);
    return { summary: 'retired' };
  });
  const cleaned = await clean(session);
  if (options.json) printJson({ abandoned: generation, cleaned });
  else print(`Generation ${generation} is dropped.`);
}

async function cleanUp(session: Session, options: StartOptions): Promise<void> {
  const left = (await readUncleaned(session.pool)).map(({ generation }) => generation);
  if (left.length === 0 || options.dryRun) {
    if (options.json) printJson({ generations: left, done: false, cleaned: [] });
    else
      print(
        left.length === 0 ? 'Nothing is left over.' : `Would drop generation ${left.join(', ')}.`,
      );
    return;
  }
  await confirm(`Drop what is left of generation ${left.join(', ')}?`, options.yes === true);
  const cleaned = await clean(session);
  if (options.json) printJson({ generations: left, done: true, cleaned });
  else print(`Dropped ${cleaned.join(', ')}.`);
}

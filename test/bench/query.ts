// `npm run bench -- query [--scale N] [--calls N] [--rounds N] [--data-dir DIR]`: what answers cost
// over mTLS, as ratios to a bare grpc-js server that returns the same bytes over the same mTLS in
// the same run; and whether the cost follows what is asked for or what was ever counted. 10 million
// messages over 90 days; `--scale 0.1` makes it one.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@grpc/grpc-js';
import { Command, Option } from 'commander';
import { atLeast } from '../../deploy/local/toolchain/number-option.js';
import { integerArgument } from '../../src/operating/arguments.js';
import { type Figure, median, reportFigures } from './figures.js';
import { growthOf } from './query-growth.js';
import { ask, type LoadFigures, load } from './query-load.js';
import {
  accountsByOperator,
  before,
  DAY_MS,
  largest,
  NAMES,
  RPCS,
  type Rpc,
  typical,
} from './query-questions.js';
import { type QuerySite, startQuerySite } from './query-site.js';

const options = new Command('npm run bench -- query')
  .description('What answers cost, as ratios to a bare server that returns the same bytes.')
  .option('--scale <n>', 'part of 10 million messages', atLeast(0.001), 1)
  .option('--calls <n>', 'calls of each load', integerArgument(1), 2_000)
  .option('--rounds <n>', 'rounds of each load, of which the median counts', integerArgument(1), 5)
  .addOption(new Option('--only <rpc>', 'this one alone, without ingestion').choices(RPCS))
  .option('--data-dir <dir>', 'keep the databases there, and use those of the same day and scale')
  .parse()
  .opts<{ scale: number; calls: number; rounds: number; only?: string; dataDir?: string }>();
const DAYS = 90;
const LAST_DAYS = 9;
const CALLERS = 50;
const PER_DAY = Math.round((10_000_000 * options.scale) / DAYS);
const CALLS = options.calls;
const ROUNDS = options.rounds;
/**
 * Asked before anything is measured: a connection of Postgres maps 90 days of accounts page by page
 * in its first 2,000.
 */
const WARM_UP = Math.max(CALLS, Math.round(16_000 * Math.min(1, options.scale)));
/** Different answers that the bare server takes turns with. */
const ANSWERS = 50;
const LARGEST_ANSWERS = 10;
const LARGEST_CALLS = 200;
const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const dayBefore = (back: number) => new Date(endMs - back * DAY_MS).toISOString().slice(0, 10);
const days = Array.from({ length: DAYS }, (_, i) => dayBefore(DAYS - i));
const traffic = {
  days,
  lastDays: LAST_DAYS,
  perDay: PER_DAY,
  dataAsOf: new Date(endMs).toISOString(),
};
const site = await startQuerySite(traffic, options.dataDir);
try {
  process.exitCode = reportFigures('query', await measure(site));
} finally {
  await site.stop();
}
process.exit();

async function measure(site: QuerySite): Promise<Figure[]> {
  const figures = [figure('api ready', site.readyMs, 1000, null, 'lower', 'ms')];
  const asked = RPCS.filter((rpc) => options.only === undefined || rpc === options.only);
  for (const rpc of asked) figures.push(...(await beside(site, rpc)));
  const memory = (when: string) =>
    figures.push(figure(`memory of the api, ${when}`, site.peakMb(), 200, null, 'lower', 'MB'));
  memory('typical and repeated');
  for (const zone of ['UTC', 'Asia/Kathmandu']) {
    for (const rpc of asked) figures.push(await largestRange(site.full, rpc, zone));
    for (const rpc of ['summary', 'account'] as const) {
      if (asked.includes(rpc)) figures.push(await growth(site, rpc, zone));
    }
  }
  if (asked.includes('breakdown')) figures.push(...(await accountsBeside(site.full)));
  if (options.only === undefined) figures.push(...(await besideIngestion(site)));
  memory('longest ranges, too');
  for (const rpc of asked) figures.push(...(await largestBeside(site, rpc)));
  memory(`longest ranges, ${CALLERS} callers`);
  return figures;
}

function figure(
  name: string,
  value: number,
  must: number | null,
  aim: number | null,
  better: 'higher' | 'lower',
  unit = '×',
): Figure {
  return { name, value, unit, must, aim, better };
}

/**
 * Typical and repeated questions, each round beside the bare server with the bytes of these
 * questions' answers. The api has answered as many other questions about the same days before, as a
 * process that has run for a while.
 */
async function beside({ full, bare, answersDir }: QuerySite, rpc: Rpc): Promise<Figure[]> {
  let asked = 0;
  const distinct = () => typical(rpc, endMs, DAYS, asked++);
  const same = () => typical(rpc, endMs, DAYS, 7);
  for (let i = 0; i < ANSWERS; i++) {
    const bytes = await ask(full, distinct());
    writeFileSync(join(answersDir, `${rpc}-${i}.bin`), bytes);
  }
  const answer = (index: number) => `${rpc}-${index % ANSWERS}.bin`;
  const limitOf = () => load(bare, same, { callers: CALLERS, calls: CALLS, answer });
  const other = (index: number) => before(rpc, endMs, DAYS, index);
  await load(full, other, { callers: CALLERS, calls: WARM_UP });
  await limitOf();
  const runs = { p50: [] as number[], p99: [] as number[], rate: [] as number[] };
  const again = { p50: [] as number[], p99: [] as number[], rate: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const calls = Math.ceil(CALLS / 3);
    const own = await load(full, distinct, { callers: CALLERS, calls });
    const limit = await limitOf();
    const repeated = await load(full, same, { callers: CALLERS, calls: CALLS });
    for (const [to, made] of [[runs, own] as const, [again, repeated] as const]) {
      to.p50.push(made.p50Ms / limit.p50Ms);
      to.p99.push(made.p99Ms / limit.p99Ms);
      to.rate.push(made.callsPerSecond / limit.callsPerSecond);
    }
    say(`${NAMES[rpc]}: ${told(own)}; repeated ${told(repeated)}; bare ${told(limit)}`);
  }
  const name = NAMES[rpc];
  return [
    figure(`typical ${name}, p50 / bare`, median(runs.p50), 5, 3, 'lower'),
    figure(`typical ${name}, p99 / bare`, median(runs.p99), null, null, 'lower'),
    figure(`typical ${name}, rate / bare`, median(runs.rate), 0.2, 0.4, 'higher'),
    figure(`repeated ${name}, p50 / bare`, median(again.p50), 1.5, 1.3, 'lower'),
    figure(`repeated ${name}, p99 / bare`, median(again.p99), null, null, 'lower'),
    figure(`repeated ${name}, rate / bare`, median(again.rate), 0.7, 0.8, 'higher'),
  ];
}

function told({ callsPerSecond, p50Ms, p99Ms }: LoadFigures): string {
  return `${callsPerSecond.toFixed(0)}/s p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} ms`;
}

/**
 * One caller, no two questions alike; the first five, which fill caches and plans, do not count.
 */
async function largestRange(full: Client, rpc: Rpc, zone: string): Promise<Figure> {
  const next = (index: number) => largest(rpc, endMs, zone, index);
  const cold = await load(full, next, { callers: 1, calls: 5 });
  const warm = await load(full, (i) => next(i + 5), { callers: 1, calls: 50 });
  say(`largest ${NAMES[rpc]} ${zone}: first ${cold.p99Ms.toFixed(1)} ms, then ${told(warm)}`);
  return figure(`largest ${NAMES[rpc]}, ${zone}, p99`, warm.p99Ms, 250, 100, 'lower', 'ms');
}

/**
 * The longest range for all callers at once, on ten connections, beside the bare server with the
 * bytes of these questions' answers.
 */
async function largestBeside(site: QuerySite, rpc: Rpc): Promise<Figure[]> {
  const next = (index: number) => largest(rpc, endMs, 'UTC', index);
  for (let i = 0; i < LARGEST_ANSWERS; i++) {
    writeFileSync(join(site.answersDir, `largest-${rpc}-${i}.bin`), await ask(site.full, next(i)));
  }
  const answer = (index: number) => `largest-${rpc}-${index % LARGEST_ANSWERS}.bin`;
  const limit = await load(site.crowd.bare, next, {
    callers: CALLERS,
    calls: LARGEST_CALLS,
    answer,
  });
  const other = (index: number) => next(index + LARGEST_ANSWERS);
  const own = await load(site.crowd.full, other, { callers: CALLERS, calls: LARGEST_CALLS });
  const memory = `${site.peakMb().toFixed(0)} MB`;
  say(`largest ${NAMES[rpc]}, ${CALLERS} callers: ${told(own)}; bare ${told(limit)}; ${memory}`);
  const name = `largest ${NAMES[rpc]}, ${CALLERS} callers`;
  return [
    figure(`${name}, p50 / bare`, own.p50Ms / limit.p50Ms, null, null, 'lower'),
    figure(`${name}, p99 / bare`, own.p99Ms / limit.p99Ms, null, null, 'lower'),
    figure(`${name}, rate / bare`, own.callsPerSecond / limit.callsPerSecond, null, null, 'higher'),
  ];
}

/** The last nine days by hour, one caller: with 90 days in the tables to those nine days alone. */
async function growth(site: QuerySite, rpc: Rpc, zone: string): Promise<Figure> {
  const warmUp = { callers: CALLERS, calls: CALLS };
  const grown = await growthOf(site, rpc, zone, { endMs, days: LAST_DAYS, warmUp });
  const name = `growth of ${NAMES[rpc]}, ${DAYS} days / ${LAST_DAYS} days, ${zone}`;
  return figure(name, grown, 1.2, 1.05, 'lower');
}

/** All accounts beside another dimension, one caller: nothing of them is remembered. */
async function accountsBeside(full: Client): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const days of [7, 30, DAYS]) {
    const next = (index: number) => accountsByOperator(endMs, days, index);
    const { p50Ms } = await load(full, next, { callers: 1, calls: 11 });
    figures.push(
      figure(`accounts by operator, ${days} days, p50`, p50Ms, null, null, 'lower', 'ms'),
    );
  }
  return figures;
}

/** Typical summaries while full batches are applied, each to its rate without the other. */
async function besideIngestion({ full, ingest }: QuerySite): Promise<Figure[]> {
  let asked = 0;
  const distinct = () => typical('summary', endMs, DAYS, asked++);
  const calls = Math.ceil(CALLS / 3);
  await ingest(3);
  const alone = await ingest(10);
  // What that has changed is read anew, once.
  await load(full, distinct, { callers: CALLERS, calls });
  const quiet = await load(full, distinct, { callers: CALLERS, calls });
  const ingesting = ingest(15);
  const both: number[] = [];
  let over = false;
  void ingesting.then(() => {
    over = true;
  });
  while (!over) {
    const { callsPerSecond } = await load(full, distinct, { callers: CALLERS, calls: 100 });
    if (!over) both.push(callsPerSecond);
  }
  const together = await ingesting;
  say(`ingestion ${alone.toFixed(0)}/s alone, ${together.toFixed(0)}/s beside questions`);
  say(`GetSummary ${quiet.callsPerSecond.toFixed(0)}/s, ${median(both).toFixed(0)}/s beside it`);
  const kept = median(both) / quiet.callsPerSecond;
  return [
    figure('ingestion beside questions / alone', together / alone, null, null, 'higher'),
    figure('typical GetSummary beside ingestion / alone', kept, null, null, 'higher'),
  ];
}

// `npm start`: the whole stack on this machine until Ctrl-C or SIGTERM. The first signal stops everything in order;
// a second one, a second later or more (npm passes a Ctrl-C on that the terminal has sent already), does not wait.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { exampleLines } from './examples.js';
import { projectRoot } from './project.js';
import { takePulse } from './pulse.js';
import { type Stack, type StackOptions, startStack, Teardown } from './stack.js';
import { say, wordsOf } from './steps.js';

const PULSE_EVERY_MS = 5_000;
const SECOND_SIGNAL_AFTER_MS = 1_000;
/** How long a start that was interrupted may take to notice. */
const EARLY_GRACE_MS = 5_000;
const PARENT_CHECK_EVERY_MS = 1_000;

function numberOf(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  };
}

interface Flags {
  readonly traffic: boolean;
  readonly rate: number;
  readonly seed: number;
  readonly backfillDays: number;
  readonly dataDir: string;
  readonly ports: 'default' | 'auto';
}

/** The options as the command line gives them; the texts are in start-help.txt, which needs no installed package. */
export function startCommand(): Command {
  const command = new Command('npm start --')
    .option('--no-traffic')
    .option('--rate <events>', '', numberOf(0, 100_000), 50)
    .option('--seed <number>', '', numberOf(0, Number.MAX_SAFE_INTEGER), 1)
    .option('--backfill-days <n>', '', numberOf(0, 34), 3)
    .option('--data-dir <dir>', '', '.local/data')
    .addOption(new Option('--ports <mode>').choices(['default', 'auto']).default('default'))
    .allowExcessArguments(false)
    .showHelpAfterError('(npm start -- --help lists the options)');
  command.helpInformation = () =>
    readFileSync(join(projectRoot, 'deploy/local/start-help.txt'), 'utf8');
  return command;
}

function stackOptions(flags: Flags): StackOptions {
  const { rate, seed, backfillDays: days } = flags;
  return {
    dataDir: resolve(projectRoot, flags.dataDir),
    ports: flags.ports,
    ...(flags.traffic ? { traffic: { rate, seed, days } } : {}),
  };
}

/** Resolves with what ended the waiting: a signal's name, or that npm is gone. Later signals kill. */
function untilStopped(teardown: Teardown): Promise<string> {
  return new Promise((done) => {
    let firstAt: number | undefined;
    const stop = (why: string) => {
      if (firstAt === undefined) {
        firstAt = Date.now();
        done(why);
      } else if (Date.now() - firstAt >= SECOND_SIGNAL_AFTER_MS) {
        say('Not waiting any longer.');
        teardown.kill();
        process.exit(1);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => stop(signal));
    }
    if (process.env.npm_lifecycle_event === undefined) return;
    const parent = process.ppid;
    const check = setInterval(() => {
      if (process.ppid !== parent && firstAt === undefined) stop('the end of npm');
    }, PARENT_CHECK_EVERY_MS);
    check.unref();
  });
}

function introduce({ site }: Stack): void {
  say('\nEverything runs. Lines to paste, in the project’s directory:\n');
  for (const { title, line } of exampleLines(site, Date.now())) say(`# ${title}\n${line}\n`);
  say('Addresses, credentials and certificates: .local/stack.json. Ctrl-C ends everything.\n');
}

async function showPulse(stack: Stack, teardown: Teardown): Promise<void> {
  const pulse = await takePulse(stack.site);
  const timer = setInterval(async () => {
    const line = await pulse.line();
    if (!teardown.stopping) say(`${new Date().toISOString().slice(11, 19)}Z  ${line}`);
  }, PULSE_EVERY_MS);
  teardown.add('pulse', async () => {
    clearInterval(timer);
    await pulse.close();
  });
}

async function main(): Promise<number> {
  const flags = startCommand().parse().opts<Flags>();
  const teardown = new Teardown();
  const stopped = untilStopped(teardown);
  let code = 0;
  const starting = startStack(stackOptions(flags), teardown).then(async (stack) => {
    if (teardown.stopping) return;
    introduce(stack);
    await showPulse(stack, teardown);
    say(`\nStopped: ${await stack.failed}`);
    code = 1;
  });
  const early = starting.catch((error: unknown) => {
    if (teardown.stopping) return;
    say(`\n${wordsOf(error)}`);
    code = 1;
  });
  const why = await Promise.race([stopped, early]);
  if (why) say(`\n${why}: stopping in order …`);
  const start = performance.now();
  await teardown.run();
  await Promise.race([early, sleep(EARLY_GRACE_MS, undefined, { ref: false })]);
  if (why) say(`Stopped after ${((performance.now() - start) / 1000).toFixed(1)} s.`);
  return code;
}

process.exit(await main());

// The command line of `npm start`: its options, their bounds and defaults. The texts are in
// start-help.txt, which the bootstrap can print before anything is installed; a test holds the two
// together.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { projectRoot } from '../toolchain/project.js';
import type { StackOptions } from './stack.js';

function numberOf(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  };
}

export interface Flags {
  readonly traffic: boolean;
  readonly rate: number;
  readonly seed: number;
  readonly backfillDays: number;
  readonly dataDir: string;
  readonly ports: 'default' | 'auto';
}

/**
 * The options as the command line gives them; the texts are in start-help.txt, which needs no
 * installed package.
 */
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
    readFileSync(join(projectRoot, 'deploy/local/stack/start-help.txt'), 'utf8');
  return command;
}

/** What the flags ask for; a relative data directory is below the project's root. */
export function stackOptions(flags: Flags): StackOptions {
  const { rate, seed, backfillDays: days } = flags;
  return {
    dataDir: resolve(projectRoot, flags.dataDir),
    ports: flags.ports,
    ...(flags.traffic ? { traffic: { rate, seed, days } } : {}),
  };
}

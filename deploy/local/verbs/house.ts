// `npm run house`: the shape of the source in one table, and with `answers` the digests of the
// answers to a fixed set of questions. Both compare a commit with another one.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { projectRoot } from '../toolchain/project.js';
import { say } from '../toolchain/steps.js';

type House = typeof import('../../../test/tidy/house.js');

async function table({ at }: { at: string[] }): Promise<void> {
  const file = pathToFileURL(join(projectRoot, 'dist/test/tidy/house.js'));
  const { measure, measureAt, tableOf }: House = await import(file.href);
  const columns = new Map(at.map((commit) => [commit, measureAt(commit)]));
  columns.set('now', measure(projectRoot));
  say(tableOf(columns));
}

interface AnswersOptions {
  readonly out: string;
  readonly at?: string;
  readonly day?: string;
}

function answers({ out, at, day }: AnswersOptions): void {
  const root = at === undefined ? projectRoot : compiledCopy(at);
  const program = join(projectRoot, 'dist/test/bench/answers.js');
  const args = [
    '--root',
    root,
    '--out',
    resolve(out),
    ...(day === undefined ? [] : ['--day', day]),
  ];
  run(process.execPath, [program, ...args], projectRoot);
}

/** A commit below .local, with the packages that are installed here, compiled. */
function compiledCopy(commit: string): string {
  const root = join(projectRoot, '.local/house', commit.replace(/[^\w.-]/g, '_'));
  if (existsSync(join(root, 'dist/src/bin/api.js'))) return root;
  mkdirSync(root, { recursive: true });
  const tar = join(root, 'source.tar');
  run('git', ['archive', '--output', tar, commit], projectRoot);
  run('tar', ['-xf', tar], root);
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'));
  run(process.execPath, [join(projectRoot, 'node_modules/typescript/bin/tsc')], root);
  return root;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const program = new Command('npm run house --').description(
  'Print what the shape of the source comes to, as a table in Markdown.',
);
program
  .option(
    '--at <commit>',
    'add a column for a commit; repeatable',
    (one: string, all: string[]) => [...all, one],
    [] as string[],
  )
  .action(table);
program
  .command('answers')
  .description('write a digest of each answer to 500 questions over a fixed ledger; diff two runs')
  .requiredOption('--out <file>', 'where the digests go, one line for each question')
  .option('--at <commit>', 'ask the processes of a commit instead of those of the working tree')
  .option('--day <date>', 'ledger and questions lie before this UTC day; today by default')
  .action(answers);
program.enablePositionalOptions();
await program.parseAsync();

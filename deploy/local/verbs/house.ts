// `npm run house`: the shape of the source in one table, and with `answers` the digests of the
// answers to a fixed set of questions. Both compare a commit with another one.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { projectRoot } from '../toolchain/project.js';

const load = async <T>(path: string): Promise<T> =>
  import(pathToFileURL(join(projectRoot, 'dist/test', path)).href);

const program = new Command('npm run house --').description(
  'Print what the shape of the source comes to, as a table in Markdown.',
);
program
  .option(
    '--at <commit>',
    'add a column for a commit; repeatable',
    (one, all: string[]) => [...all, one],
    [] as string[],
  )
  .action(async ({ at }: { at: string[] }) => {
    const house = await load<typeof import('../../../test/tidy/house.js')>('tidy/house.js');
    const columns = new Map(at.map((commit) => [commit, house.measureAt(commit)]));
    columns.set('now', house.measure(projectRoot));
    process.stdout.write(`${house.tableOf(columns)}\n`);
  });
await program.parseAsync();

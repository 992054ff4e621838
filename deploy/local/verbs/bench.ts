// `npm run bench -- <ingest|query|etl>`: one benchmark of test/bench, in a process of its own.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { projectRoot } from '../toolchain/project.js';

const [name = '', ...rest] = new Command('npm run bench --')
  .description('Measure ratios to limits of the same run; exit code 1 where a bound is missed.')
  .addArgument(new Argument('<bench>').choices(['ingest', 'query', 'etl']))
  .argument('[options...]', 'of the benchmark; <bench> --help lists them')
  .passThroughOptions()
  .parse().args;
const program = join(projectRoot, 'dist/test/bench', `${name}.js`);
const child = spawn(process.execPath, [program, ...rest], { stdio: 'inherit', cwd: projectRoot });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code) => process.exit(code ?? 1));

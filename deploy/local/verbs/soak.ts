// `npm run test:soak -- --minutes N --seed S`: the fault suite for as long as one likes, on engines
// of its own. The seed decides the events and the schedule of the faults; a seed that fails can be
// run again.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';
import { integerArgument } from '../../../src/operating/arguments.js';
import { atLeast } from '../toolchain/number-option.js';
import { projectRoot } from '../toolchain/project.js';

const { minutes, seed } = new Command('test:soak')
  .description(
    'Inject faults into the real processes under load, then hold the rollups against the oracle.',
  )
  .option('--minutes <n>', 'how long the load and the faults go on', atLeast(0.5), 5)
  .option(
    '--seed <n>',
    'decides the events and the faults',
    integerArgument(0),
    Date.now() % 100_000,
  )
  .parse()
  .opts<{ minutes: number; seed: number }>();

const vitest = join(projectRoot, 'node_modules/vitest/vitest.mjs');
const config = ['--config', join(projectRoot, 'test/vitest.config.ts'), '--project', 'engines'];
const child = spawn(process.execPath, [vitest, 'run', ...config, 'test/fault/soak.test.ts'], {
  cwd: projectRoot,
  stdio: 'inherit',
  env: {
    ...process.env,
    SOAK_SECONDS: String(Math.round(minutes * 60)),
    SOAK_SEED: String(Math.floor(seed)),
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => {
  process.exitCode = signal ? 1 : (code ?? 1);
});

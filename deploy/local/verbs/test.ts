// `npm test`: everything that must hold before a change is done, the quick checks first and vitest
// last, so that its summary is what one reads at the end. What follows `--` goes to vitest: `npm
// test -- test/unit/domain`. Type check and build have happened when this runs: bootstrap.mjs
// compiles first, with the same settings.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../toolchain/project.js';
import { say } from '../toolchain/steps.js';

interface Step {
  readonly name: string;
  /** Below node_modules/.bin, or a script of the project. */
  readonly command: string;
  readonly args: readonly string[];
  /** Shown even when all is well. */
  readonly loud?: boolean;
}

const bin = (name: string) => join(projectRoot, 'node_modules/.bin', name);
const script = (name: string) => join(projectRoot, 'deploy/local/toolchain', name);

const CHECKS: readonly Step[] = [
  { name: 'format and lint (biome ci)', command: bin('biome'), args: ['ci', '.'] },
  { name: 'contract lint (buf lint)', command: bin('buf'), args: ['lint'] },
  {
    name: 'contract format (buf format)',
    command: bin('buf'),
    args: ['format', '--path', 'proto/sms', '--diff', '--exit-code'],
  },
  {
    name: 'generated code is current',
    command: process.execPath,
    args: [script('generate.mjs'), '--check'],
  },
];

let running: ReturnType<typeof spawn> | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => running?.kill(signal));
}

/** Runs a step; resolves with its exit code. Its output is shown when it fails, or is loud. */
async function run(step: Step): Promise<number> {
  const start = performance.now();
  const output: Buffer[] = [];
  running = spawn(step.command, [...step.args], {
    cwd: projectRoot,
    stdio: step.loud ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  running.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
  running.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number>((resolve) => {
    running?.once('error', (error) => {
      output.push(Buffer.from(error.message));
      resolve(1);
    });
    running?.once('close', (status) => resolve(status ?? 1));
  });
  if (step.loud) return code;
  const took = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  say(`${code === 0 ? '✔' : '✘'} ${step.name} (${took})`);
  if (code !== 0) say(Buffer.concat(output).toString());
  return code;
}

async function main(): Promise<number> {
  say('✔ type check and build');
  const failed: string[] = [];
  for (const check of CHECKS) if ((await run(check)) !== 0) failed.push(check.name);
  const config = ['run', '--config', 'test/vitest.config.ts'];
  const tests: Step = {
    name: 'tests',
    command: process.execPath,
    args: [
      join(projectRoot, 'node_modules/vitest/vitest.mjs'),
      ...config,
      ...process.argv.slice(2),
    ],
    loud: true,
  };
  if (failed.length > 0) {
    say(`Not run: the tests. Failed before them: ${failed.join(', ')}.`);
    return 1;
  }
  return run(tests);
}

process.exit(await main());

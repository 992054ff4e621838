// `npm run bench -- <ingest|query|etl>`: one benchmark of test/bench, in a process of its own.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project.js';
import { say } from './steps.js';

const directory = join(projectRoot, 'dist/test/bench');
const [name = '', ...rest] = process.argv.slice(2);
const program = join(directory, `${name}.js`);
if (!/^[a-z-]+$/.test(name) || !existsSync(program)) {
  const names = existsSync(directory)
    ? readdirSync(directory).filter((file) => /^[a-z-]+\.js$/.test(file))
    : [];
  say(`Usage: npm run bench -- <${names.map((file) => file.slice(0, -3)).join('|') || 'name'}>`);
  process.exit(2);
}
const child = spawn(process.execPath, [program, ...rest], { stdio: 'inherit', cwd: projectRoot });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code) => process.exit(code ?? 1));

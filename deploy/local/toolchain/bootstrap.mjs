// The first step of every `npm run` verb, in plain JavaScript without dependencies: checks Node,
// installs what the lockfile lists when it is not there, compiles when a source changed, and goes
// on with the compiled verb in this same process (dist/deploy/local/verbs/<verb>.js), so that
// signals and the exit code are the verb's own.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fingerprintOfSources, removeOrphanOutputs, whatIsMissing } from './freshness.mjs';

const VERBS = ['start', 'test', 'ops', 'etl', 'ingest', 'bench', 'soak', 'house', 'build'];
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const local = join(root, '.local');
const stamp = join(root, 'dist', '.sources');
const say = (text) => process.stderr.write(`${text}\n`);

let running;
let interrupted = false;

/** Says what is wrong and what to do, and ends with code 1. */
function fail(text) {
  say(`\n${text}`);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(
    'sms-analytics needs Node.js 20.19 or later; ' +
      `this is ${process.version} (${process.execPath}).\n` +
      'Install a current release from https://nodejs.org/ and run the command again.',
  );
}

/**
 * Runs a command with its output on the terminal; a line every 10 s says that it is still at work.
 */
function run(what, command, args, env) {
  return new Promise((resolve) => {
    const start = Date.now();
    const seconds = () => `${((Date.now() - start) / 1000).toFixed(1)} s`;
    say(`· ${what} …`);
    running = spawn(command, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
    const beat = setInterval(() => say(`  … still at it after ${seconds()}`), 10_000);
    const end = (code) => {
      clearInterval(beat);
      running = undefined;
      if (interrupted) process.exit(130);
      if (code === 0) say(`✔ ${what} (${seconds()})`);
      resolve(code);
    };
    running.once('error', (error) => {
      say(`  ${error.message}`);
      end(-1);
    });
    running.once('exit', (code) => end(code ?? 1));
  });
}

/**
 * npm's cache where it can be written: its own, else one in `.local` (a home that is not ours, or
 * none).
 */
function npmEnvironment() {
  const env = { ...process.env };
  const cache = env.npm_config_cache ?? (env.HOME ? join(env.HOME, '.npm') : undefined);
  if (!cache || !isWritable(cache)) env.npm_config_cache = join(local, 'npm-cache');
  return env;
}

function isWritable(directory) {
  try {
    mkdirSync(directory, { recursive: true });
    const probe = join(directory, `.probe-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
    return true;
  } catch {
    return false;
  }
}

async function install() {
  const missing = whatIsMissing(root);
  if (missing === undefined) return;
  say(`Dependencies: ${missing}.`);
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const options = ['ci', '--ignore-scripts', '--include=dev', '--include=optional'];
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const args = [...first, ...options, ...quiet];
  const code = await run('installing dependencies (npm ci)', command, args, npmEnvironment());
  if (code !== 0) {
    fail(
      'npm could not install the dependencies; what it said is above.\n' +
        'Check that the npm registry can be reached (npm ping), then run the command again.',
    );
  }
  const still = whatIsMissing(root);
  if (still)
    fail(
      `npm ended well and yet something is amiss: ${still}.\nRemove node_modules and try again.`,
    );
}

async function build() {
  const sources = fingerprintOfSources(root);
  try {
    if (readFileSync(stamp, 'utf8') === sources) return;
  } catch {
    // Never built.
  }
  rmSync(stamp, { force: true });
  removeOrphanOutputs(root);
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', join(root, 'tsconfig.json')];
  if ((await run('compiling (tsc)', process.execPath, args, process.env)) !== 0) {
    fail('The sources do not compile; the compiler says why above.');
  }
  writeFileSync(stamp, sources);
}

/** One install or build at a time in this clone; a lock whose owner is gone is taken over. */
async function alone(work) {
  const lock = join(local, 'bootstrap.lock');
  let told = false;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!ownerLives(lock)) rmSync(lock, { force: true });
      else {
        if (!told) say('Another command is installing or compiling here; waiting for it …');
        told = true;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  await work();
  process.removeListener('exit', release);
  release();
}

function ownerLives(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

const [verb, ...rest] = process.argv.slice(2);
if (!VERBS.includes(verb))
  fail(`Usage: node deploy/local/toolchain/bootstrap.mjs <${VERBS.join('|')}> [options]`);
checkNode();
if (verb === 'start' && rest.some((word) => word === '--help' || word === '-h')) {
  process.stdout.write(readFileSync(join(root, 'deploy/local/stack/start-help.txt'), 'utf8'));
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, function stop() {
    if (running) {
      interrupted = true;
      running.kill(signal);
    } else if (process.listenerCount(signal) === 1) process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}
try {
  mkdirSync(local, { recursive: true });
} catch (error) {
  fail(
    `Cannot write to ${root} (${error.code}).\n` +
      'Dependencies, compiled code and the local data live there: ' +
      'clone the project to a place of your own.',
  );
}
await alone(async () => {
  await install();
  await build();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
if (verb !== 'build') {
  const program = join(root, 'dist/deploy/local/verbs', `${verb}.js`);
  process.argv = [process.argv[0], program, ...rest];
  await import(pathToFileURL(program).href);
}

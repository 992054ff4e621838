// `npm run pack`: one tarball for each package of packages.mjs, below .local/packages or the folder
// after `--out`. A package has a manifest of its own: what its entry imports is its code, and what
// that code imports from npm are its dependencies, at the versions of the lockfile.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGES } from './packages.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const at = process.argv.indexOf('--out');
const target = at < 0 ? join(root, '.local/packages') : process.argv[at + 1];
const json = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const locked = json('package-lock.json').packages;
const versionOf = (name) => locked[`node_modules/${name}`].version;

/** Compiled files that `entry` reaches, and the packages from npm that they import. */
function reachedFrom(entry) {
  const files = new Set();
  const packages = new Set();
  const waiting = [join(root, 'dist', entry.replace(/\.ts$/, '.js'))];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (files.has(next)) continue;
    files.add(next);
    const texts = [next, next.replace(/\.js$/, '.d.ts')].map((path) => readFileSync(path, 'utf8'));
    const named = texts.flatMap((text) => [
      ...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g),
    ]);
    for (const [, name] of named) {
      if (name.startsWith('.')) waiting.push(join(dirname(next), name));
      else if (!name.startsWith('node:')) packages.add(nameOf(name));
    }
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
}

/** `@scope/name/file` is of the package `@scope/name`. */
function nameOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Puts the package together at `folder`. */
function assemble(one, folder) {
  const { files, packages } = reachedFrom(one.entry);
  const compiled = join(root, 'dist/src');
  for (const file of files) {
    for (const path of [file, file.replace(/\.js$/, '.d.ts')]) {
      const text = readFileSync(path, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/gm, '');
      write(join(folder, 'lib', relative(compiled, path)), text);
    }
  }
  for (const path of one.protos) cpSync(join(root, path), join(folder, path), { recursive: true });
  for (const path of one.examples) {
    const text = readFileSync(join(root, path), 'utf8');
    const name = path.slice(path.lastIndexOf('/') + 1);
    write(join(folder, 'examples', name), text.replaceAll("'../index.js'", `'${one.name}'`));
  }
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  write(join(folder, 'README.md'), readmeOf(one));
  const inside = one.bundled.flatMap((bundled) => bundle(bundled, folder));
  const names = [...new Set([...packages, ...inside, ...one.bundled.map(({ name }) => name)])];
  write(join(folder, 'package.json'), `${JSON.stringify(manifestOf(one, names), null, 2)}\n`);
}

/** Copies a package as it is installed here; the names of what it still needs. */
function bundle({ name, without }, folder) {
  const copy = join(folder, 'node_modules', name);
  const from = join(root, 'node_modules', name);
  cpSync(from, copy, { recursive: true, filter: (path) => !path.endsWith('.map') });
  const manifest = json(join('node_modules', name, 'package.json'));
  for (const left of without) delete manifest.dependencies[left];
  if (without.length > 0) delete manifest.bin;
  write(join(copy, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return Object.keys(manifest.dependencies ?? {});
}

function manifestOf(one, names) {
  const { version, license, engines } = json('package.json');
  const entry = `./lib/${relative('src', one.entry).replace(/\.ts$/, '')}`;
  const exact = names.sort().map((name) => [name, versionOf(name)]);
  return {
    ...{ name: one.name, version, description: one.description, license },
    ...{ type: 'module', engines, sideEffects: false },
    exports: { '.': { types: `${entry}.d.ts`, default: `${entry}.js` } },
    dependencies: {
      ...Object.fromEntries(exact),
      // The consumer's own version is as good.
      ...Object.fromEntries(one.types.map((name) => [name, `>=${versionOf(name).split('.')[0]}`])),
    },
    bundleDependencies: one.bundled.map(({ name }) => name),
  };
}

function readmeOf(one) {
  const written = join(root, one.readme);
  if (existsSync(written)) return readFileSync(written, 'utf8');
  const example = readFileSync(join(root, one.examples[0]), 'utf8');
  const code = `\`\`\`ts\n${example.replaceAll("'../index.js'", `'${one.name}'`)}\`\`\``;
  return `# ${one.name}\n\n${one.description}.\n\n${code}\n`;
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function npm(args, cwd) {
  const own = process.env.npm_execpath;
  const [command, ...first] = own?.endsWith('.js') ? [process.execPath, own] : ['npm'];
  const done = spawnSync(command, [...first, ...args], { cwd, encoding: 'utf8' });
  if (done.status === 0) return done.stdout;
  process.stderr.write(done.stderr || `${done.error?.message ?? 'npm failed'}\n`);
  process.exit(1);
}

mkdirSync(target, { recursive: true });
for (const one of PACKAGES) {
  const folder = join(target, one.name.replace(/^@/, '').replace('/', '-'));
  rmSync(folder, { recursive: true, force: true });
  assemble(one, folder);
  const packed = npm(['pack', '--json', '--pack-destination', target], folder);
  rmSync(folder, { recursive: true });
  // npm 11 lists the packages by number, npm 12 by name.
  const [{ filename }] = Object.values(JSON.parse(packed));
  process.stdout.write(`${join(target, filename.replace('@', '').replace('/', '-'))}\n`);
}

// What the image carries, as a CycloneDX bill of materials: `npm run sbom` writes
// .local/sbom.cdx.json (or the file it is given) from the lockfile, without a network. npm's own
// `--omit` leaves out packages that development needs as well, so the whole bill is asked for and
// cut down to what `npm ci --omit=dev --omit=optional` installs.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = process.argv[2] ?? join(root, '.local', 'sbom.cdx.json');
const json = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

const npm = process.env.npm_execpath;
const [command, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
const flags = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
const done = spawnSync(command, [...first, 'sbom', ...flags], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
if (done.status !== 0) {
  process.stderr.write(done.stderr || done.error?.message || 'npm sbom failed\n');
  process.exit(1);
}

const shipped = new Set(
  Object.entries(json('package-lock.json').packages)
    .filter(([path, one]) => path !== '' && !one.dev && !one.optional && !one.devOptional)
    .map(([path, one]) => `${path.replace(/^.*node_modules\//, '')}@${one.version}`),
);
const bill = JSON.parse(done.stdout);
const own = bill.metadata.component;
// npm takes the name from the directory, which is whatever the clone is called.
own.name = json('package.json').name;
const kept = (reference) => shipped.has(reference) || reference === own['bom-ref'];
bill.components = bill.components.filter((one) => kept(one['bom-ref']));
bill.dependencies = bill.dependencies
  .filter(({ ref }) => kept(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter(kept) }));

mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, `${JSON.stringify(bill, null, 2)}\n`);
process.stdout.write(`${bill.components.length} components: ${target}\n`);

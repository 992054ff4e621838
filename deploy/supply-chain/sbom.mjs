// What the image carries, as a CycloneDX bill of materials: `npm run sbom` writes .local/sbom.cdx.json from the lockfile,
// production dependencies only. It needs no network.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = process.argv[2] ?? join(root, '.local', 'sbom.cdx.json');
const npm = process.env.npm_execpath;
const [command, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
const flags = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
const done = spawnSync(
  command,
  [...first, 'sbom', ...flags, '--omit', 'dev', '--omit', 'optional'],
  {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  },
);
if (done.status !== 0) {
  process.stderr.write(done.stderr || done.error?.message || 'npm sbom failed\n');
  process.exit(1);
}
const bill = JSON.parse(done.stdout);
// npm takes the name from the directory, which is whatever the clone is called.
bill.metadata.component.name = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name;
mkdirSync(join(target, '..'), { recursive: true });
writeFileSync(target, `${JSON.stringify(bill, null, 2)}\n`);
process.stdout.write(`${bill.components.length} components: ${target}\n`);

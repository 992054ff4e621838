// The packages that are handed to others, as somebody gets them: packed, installed into an empty
// folder, their examples compiled strictly and run against the server over real TLS.
import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import {
  GetOperatorPerformanceResponse,
  GetSummaryResponse,
} from '../../../src/generated/proto/sms/analytics/v1/analytics_service.js';
import { startTestServer, type TestServer } from '../../support/api-server.js';
import { ADMIN, CertificateFolder, issueCaller } from '../../support/pki.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

interface PackedPackage {
  readonly name: string;
  readonly limits: { readonly packages: number; readonly megabytes: number };
}
const list = new URL('../../../deploy/pack/packages.mjs', import.meta.url).href;
const { PACKAGES } = (await import(list)) as { PACKAGES: readonly PackedPackage[] };

let server: TestServer;
let caller: CertificateFolder;
let tarballs: string[];

beforeAll(async () => {
  server = await startTestServer({
    queries: {
      getSummary: async () =>
        GetSummaryResponse.fromPartial({ counts: { accepted: 9007199254740993n } }),
      getOperatorPerformance: async () =>
        GetOperatorPerformanceResponse.fromPartial({ rows: [{ operatorId: 'op1' }] }),
    },
  });
  caller = new CertificateFolder();
  caller.write({ ...(await issueCaller(server.authority, ADMIN)), ca: server.authority.pem });
  const out = await temporaryDirectory('packed');
  const pack = join(projectRoot, 'deploy/pack/pack.mjs');
  tarballs = run(process.execPath, [pack, '--out', out], projectRoot).trim().split('\n');
});
afterAll(async () => {
  await server.stop();
  caller.remove();
});

/** Runs a command to its end; its output. */
function run(command: string, args: readonly string[], cwd: string): string {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8' });
  expect(`${done.status} ${done.error ?? ''}${done.stdout}${done.stderr}`).toMatch(/^0 /);
  return done.stdout;
}

/** An empty project with one tarball installed. */
async function installed(tarball: string): Promise<string> {
  const folder = await temporaryDirectory('consumer');
  writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  run('npm', ['install', ...quiet, tarball], folder);
  return folder;
}

/** Writes sources into a folder and compiles them strictly there; what the compiler says. */
function compiled(folder: string, sources: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
  const compiler = join(projectRoot, 'node_modules/typescript/bin/tsc');
  const strict = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes'];
  const target = ['--target', 'ES2023', '--module', 'NodeNext', '--types', 'node'];
  const args = [compiler, ...strict, ...target, ...Object.keys(sources)];
  const done = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  return `${done.stdout}${done.stderr}`;
}

const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

test('one tarball is made of each package', () => {
  expect(tarballs).toHaveLength(PACKAGES.length);
});

describe.each(PACKAGES.map((one, at) => ({ ...one, at })))('$name', ({ name, limits, at }) => {
  let folder: string;
  beforeAll(async () => {
    folder = await installed(tarballs[at] as string);
  });

  test('brings few packages and few bytes', () => {
    const modules = join(folder, 'node_modules');
    const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
    const packages = Object.keys(lock.packages);
    expect(packages).toContain(`node_modules/${name}`);
    expect(packages.length).toBeLessThanOrEqual(limits.packages);
    const bytes = filesBelow(modules).reduce((sum, path) => sum + statSync(path).size, 0);
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(bytes / 1e6).toBeLessThanOrEqual(limits.megabytes);
  });

  test('lacks nothing that a package of it asks for', () => {
    run('npm', ['ls', '--all'], folder);
  });

  test('holds nothing of the services', () => {
    const own = join(folder, 'node_modules', name);
    const lib = join(own, 'lib');
    const parts = new Set(filesBelow(lib).map((path) => path.slice(lib.length + 1).split('/')[0]));
    expect([...parts].sort()).toEqual(['client', 'generated', 'platform']);
    const manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
    expect(manifest).not.toHaveProperty('scripts');
    expect(manifest).not.toHaveProperty('devDependencies');
    expect(readFileSync(join(own, 'README.md'), 'utf8')).toContain(name);
  });

  test('exports its entry under its own name, and nothing else', () => {
    const script = `
      const client = await import('${name}');
      const deep = await import('${name}/lib/client/channel.js').catch(({ code }) => code);
      process.stdout.write(JSON.stringify([
        typeof client.createAnalyticsClient, typeof client.AnalyticsError,
        client.Granularity.GRANULARITY_DAY, deep,
      ]));`;
    const said = run(process.execPath, ['--input-type=module', '-e', script], folder);
    expect(JSON.parse(said)).toEqual(['function', 'function', 5, 'ERR_PACKAGE_PATH_NOT_EXPORTED']);
  });

  test('has a page whose example fits its types', () => {
    const page = readFileSync(join(folder, 'node_modules', name, 'README.md'), 'utf8');
    const example = /^```ts\n([\s\S]*?)^```/m.exec(page)?.[1] ?? '';
    expect(compiled(folder, { 'page.ts': example })).toBe('');
    const misspelt = example.replaceAll('createAnalyticsClient', 'createAnalyticClient');
    expect(compiled(folder, { 'page.ts': misspelt })).toContain('createAnalyticClient');
    const patient = example.replace(/,?\s*defaultDeadlineMs: [\d_]+,?/, '');
    expect(compiled(folder, { 'page.ts': patient })).toContain('defaultDeadlineMs');
  });

  test('has examples that compile strictly, and one that runs', async () => {
    const examples = join(folder, 'node_modules', name, 'examples');
    const texts = Object.fromEntries(
      filesBelow(examples).map((path) => [basename(path), readFileSync(path, 'utf8')]),
    );
    const main = `import { dashboard } from './admin-dashboard.js';
      const [target, ca, cert, key] = process.argv.slice(2) as [string, string, string, string];
      const range = { start: '2026-11-01', end: '2026-11-08' };
      const lines = await dashboard({ target, tls: { ca, cert, key } }, range);
      process.stdout.write(lines.join('\\n'));`;
    expect(compiled(folder, { ...texts, 'main.ts': main })).toBe('');
    const { caFile, certFile, keyFile } = caller;
    const said = runWhileServing(['main.js', server.target, caFile, certFile, keyFile], folder);
    await expect(said).resolves.toBe(
      'accepted 9007199254740993 messages in 0 days\nop1 no messages\nfailed 0',
    );
  });
});

/** Runs a program that asks the server of this process, which therefore must not wait. */
async function runWhileServing(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd }, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout),
    );
  });
}

// What is delivered besides our own code: which packages, under which licences, exactly which
// versions, and no secret. Everything is read from the lockfile and the tree; known vulnerabilities
// need a network and are the pipeline's matter.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

const json = (path: string) => JSON.parse(readFileSync(join(projectRoot, path), 'utf8'));
const packageJson = json('package.json');
const lock: Record<string, Locked> = json('package-lock.json').packages;
const locked = Object.entries(lock).filter(([path]) => path !== '');
/** What `npm ci --omit=dev --omit=optional` installs: the image's packages. */
const shipped = locked.filter(([, one]) => !one.dev && !one.optional && !one.devOptional);
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '');

/** Permissive licences, none of which asks more than to be named. */
const LICENCES = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '(Apache-2.0 AND BSD-3-Clause)',
  '0BSD',
  'Unlicense',
  'BlueOak-1.0.0',
]);

describe('the dependencies', () => {
  test('are named by exact versions', () => {
    const groups = ['dependencies', 'devDependencies', 'optionalDependencies'];
    const loose = groups
      .flatMap((group) => Object.entries<string>(packageJson[group] ?? {}))
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    expect(loose).toEqual([]);
  });

  test('are the ones of the lockfile', () => {
    const root = json('package-lock.json').packages[''];
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      expect(root[group]).toEqual(packageJson[group]);
    }
  });

  test('are pinned by digest where they are shipped, and come from the registry alone', () => {
    expect(shipped.filter(([, one]) => !one.integrity?.startsWith('sha512-'))).toEqual([]);
    // No address at all: whoever installs uses the registry that is configured there, and no file
    // or git source.
    const elsewhere = locked.filter(([, { resolved }]) => resolved !== undefined);
    expect(elsewhere.map(([path]) => path)).toEqual([]);
  });

  test('that are shipped are few, and have licences that ask for no more than a name', () => {
    expect(shipped.length).toBeGreaterThan(20);
    expect(shipped.length).toBeLessThanOrEqual(100);
    const others = shipped.filter(([, { license }]) => !LICENCES.has(license ?? 'none'));
    expect(others.map(([path, { license }]) => `${nameOf(path)}: ${license}`)).toEqual([]);
  });

  test('are shipped only where the source imports them, or another shipped one needs them', () => {
    const source = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(projectRoot, 'src', name), 'utf8'))
      .join('\n');
    const unseen = Object.keys(packageJson.dependencies).filter(
      (name) => !source.includes(`'${name}'`) && !source.includes(`'${name}/`),
    );
    const peers = shipped.flatMap(([path]) =>
      Object.keys(json(join(path, 'package.json')).peerDependencies ?? {}),
    );
    expect(unseen.filter((name) => !peers.includes(name) && !NOT_IMPORTED.has(name))).toEqual([]);
  });

  test('do not run scripts when they are installed', () => {
    const scripts = shipped.filter(([, one]) => one.hasInstallScript);
    // protobufjs only warns about its version scheme there.
    expect(scripts.map(([path]) => nameOf(path))).toEqual(['protobufjs']);
    const dockerfile = readFileSync(join(projectRoot, 'deploy/docker/Dockerfile'), 'utf8');
    expect(dockerfile.match(/npm ci/g)?.length).toBe(dockerfile.match(/--ignore-scripts/g)?.length);
  });
});

/**
 * Packages that the design lists (section 3) and the source does not import, so that a new one is
 * noticed.
 */
const NOT_IMPORTED = new Set(['@prisma/client']);

test('only the packages of deploy/pack are for others: the project itself exports nothing', () => {
  expect(packageJson.private).toBe(true);
  for (const field of ['exports', 'main', 'types', 'files', 'bin']) {
    expect(packageJson).not.toHaveProperty(field);
  }
});

test('the bill of materials lists the shipped packages with their versions', async () => {
  const file = join(await temporaryDirectory('sbom'), 'sbom.json');
  const script = join(projectRoot, 'deploy/supply-chain/sbom.mjs');
  const done = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
  expect(done.stderr).toBe('');
  const bill = JSON.parse(readFileSync(file, 'utf8'));
  expect(bill).toMatchObject({
    bomFormat: 'CycloneDX',
    metadata: { component: { name: 'sms-analytics' } },
  });
  const listed = new Set(
    bill.components.map((one: { group?: string; name: string; version: string }) => {
      const name = one.group ? `${one.group}/${one.name}` : one.name;
      return `${name}@${one.version}`;
    }),
  );
  const expected = shipped.map(([path, { version }]) => `${nameOf(path)}@${version}`);
  expect([...listed].sort()).toEqual([...new Set(expected)].sort());
});

/** What nobody writes by hand: keys, and the tokens of the services that give them a form. */
const SECRETS: readonly (readonly [string, RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/=]{20}/],
  ['an AWS key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{22,}/],
  ['a GitLab token', /\bglpat-[\w-]{20}/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=/],
  ['a Slack token', /\bxox[abprs]-[A-Za-z0-9-]{10,}/],
  ['a Google key', /\bAIza[\w-]{35}\b/],
  ['a Vault token', /\bhv[sb]\.[\w-]{24,}/],
  ['a Stripe key', /\b[rs]k_live_[A-Za-z0-9]{16,}/],
  ['a JSON web token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/],
  [
    'a password in a URL',
    /\b[a-z][a-z0-9+]+:\/\/[^\s:@/$'"`{}<>…]+:(?![^@\s]*[${<…])[^\s@/'"`]{12,}@/,
  ],
];

function secretsIn(text: string): string[] {
  return SECRETS.filter(([, pattern]) => pattern.test(text)).map(([name]) => name);
}

/** Every file that could be delivered. */
function tree(): string[] {
  const skipped = new Set(['node_modules', 'dist', '.local', '.git', 'coverage']);
  return readdirSync(projectRoot, { withFileTypes: true })
    .filter((entry) => !skipped.has(entry.name))
    .flatMap((entry) =>
      entry.isDirectory()
        ? readdirSync(join(projectRoot, entry.name), { recursive: true, encoding: 'utf8' }).map(
            (name) => join(entry.name, name),
          )
        : [entry.name],
    );
}

describe('the tree', () => {
  test('holds no key, token or password', () => {
    const found = tree().flatMap((path) => {
      if (/\.(pem|key|p12|pfx|jks|env)$/.test(path)) return [`${path}: by its name`];
      const file = join(projectRoot, path);
      try {
        return secretsIn(readFileSync(file, 'utf8')).map((name) => `${path}: ${name}`);
      } catch {
        return []; // A directory.
      }
    });
    expect(found).toEqual([]);
  });

  test.each([
    ['a private key', `-----BEGIN EC ${'PRIVATE'} KEY-----\nMHcCAQEEIBrandomrandomrandom`],
    ['an AWS key', `id = AK${'IA'}ABCDEFGHIJKLMNOP`],
    ['a GitHub token', `gh${'p_'}${'a1'.repeat(18)}`],
    ['an npm token', `//registry/:_auth${'Token'}=abc`],
    ['a Vault token', `hv${'s.'}${'a'.repeat(30)}`],
    ['a password in a URL', `postgresql://analytics_owner:${'x7Kq'.repeat(4)}@db/sms`],
  ])('would not hide %s', (name, text) => {
    expect(secretsIn(text)).toEqual([name]);
  });

  test('ignores what local runs leave behind', () => {
    const ignored = readFileSync(join(projectRoot, '.gitignore'), 'utf8').split('\n');
    for (const name of ['node_modules/', 'dist/', '.local/']) expect(ignored).toContain(name);
    expect(existsSync(join(projectRoot, '.env'))).toBe(false);
  });
});

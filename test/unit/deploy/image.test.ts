// The image and the compose file, held against the manifests and the project: who runs in it, what
// it contains, and that every container starts with settings that its binary has.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { is } from 'valibot';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectRoot } from '../../../deploy/local/toolchain/project.js';
import { settingsByBinary } from '../../../src/platform/settings/settings.js';
import { ROLES } from '../../../src/postgres/roles.js';
import { containersOf, type Manifest, render, workloadsOf } from './manifests.js';

const text = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const dockerfile = text('deploy/docker/Dockerfile');
const stages = dockerfile
  .split(/^(?=FROM )/m)
  .slice(1)
  .map((stage) =>
    stage
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n'),
  );
const final = stages.at(-1) ?? '';
const packageJson = JSON.parse(text('package.json'));

describe('the image', () => {
  test('stands on one exact version of Node that the project supports', () => {
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
    expect(new Set(images).size).toBe(1);
    expect(images[0]).toMatch(/^node:24\.\d+\.\d+-bookworm-slim$/);
    expect(packageJson.engines.node).toBe('>=20.19');
  });

  test('holds production dependencies only, and runs no install script', () => {
    const installs = [...dockerfile.matchAll(/^RUN npm ci(.*)$/gm)].map((match) => match[1] ?? '');
    expect(installs).toHaveLength(2);
    for (const flags of installs) expect(flags).toContain('--ignore-scripts');
    const from = /COPY --from=(\w+) \/build\/node_modules/.exec(final)?.[1];
    const stage = stages.find((one) => one.includes(`AS ${from}`)) ?? '';
    expect(stage).toContain('npm ci --omit=dev --omit=optional --ignore-scripts');
    expect(final).not.toContain('npm ci');
  });

  test('copies files that exist, and no test, tool or credential', () => {
    const sources = [...final.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    for (const source of sources) expect(existsSync(join(projectRoot, source)), source).toBe(true);
    expect(sources.sort()).toEqual([
      'LICENSE',
      'deploy/policy',
      'package.json',
      'src/postgres/migrations',
    ]);
    expect(final).toContain('COPY --from=build /build/dist/src ./dist/src');
    const ignored = text('deploy/docker/Dockerfile.dockerignore').split('\n');
    expect(ignored.filter((line) => line && !line.startsWith('#'))[0]).toBe('*');
  });

  test('runs as the numeric user that the manifests name', () => {
    const user = /^USER (\d+):(\d+)$/m.exec(final);
    for (const workload of workloadsOf(render('deploy/kubernetes/overlays/tls'))) {
      for (const { image, securityContext } of containersOf(workload)) {
        expect(image).toBe(`sms-analytics:${packageJson.version}`);
        expect(String(securityContext.runAsUser)).toBe(user?.[1]);
        expect(String(securityContext.runAsGroup)).toBe(user?.[2]);
      }
    }
  });

  test('exposes the ports of the settings', () => {
    const ports = /^EXPOSE (.+)$/m.exec(final)?.[1]?.split(' ');
    expect(ports).toEqual([
      settingsByBinary.api?.grpcPort?.fallback,
      settingsByBinary.api?.adminPort?.fallback,
      settingsByBinary.ingest?.adminPort?.fallback,
    ]);
  });
});

describe('the compose file', () => {
  const compose = parse(text('deploy/compose.yaml'), { merge: true });
  const services: [string, Manifest][] = Object.entries(compose.services);

  test('gives each binary settings that it has, and all that it needs', () => {
    const faults = services.flatMap(([name, service]) => {
      const binary = /^dist\/src\/bin\/(\w+)\.js$/.exec(service.command?.[0] ?? '')?.[1];
      if (!binary) return [];
      const settings = Object.values(settingsByBinary[binary] ?? {});
      const environment: Record<string, string> = service.environment;
      const wrong = Object.entries(environment)
        .filter(([variable, value]) => {
          const setting = settings.find((one) => one.name === variable);
          return setting === undefined || !is(setting.schema, value);
        })
        .map(([variable]) => `${name}: ${variable} is no setting of ${binary}, or wrong`);
      const missing = settings
        .filter((one) => one.fallback === undefined && !(one.name in environment))
        .map((one) => `${name}: ${one.name} is missing`);
      return [...wrong, ...missing];
    });
    expect(faults).toEqual([]);
  });

  test('opens ports on this machine only, and confines our containers', () => {
    for (const [name, service] of services) {
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
      expect(service.image ?? '', name).not.toMatch(/:latest$|^[^:]+$/);
      if (service.build) expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
      for (const other of Object.keys(service.depends_on ?? {})) {
        expect(Object.keys(compose.services)).toContain(other);
      }
    }
  });

  test('uses the files of the project', () => {
    expect(compose.services.nats.volumes[0]).toBe('./nats/nats.conf:/etc/nats/nats.conf:ro');
    expect(compose['x-image'].build.dockerfile).toBe('deploy/docker/Dockerfile');
  });
});

describe('the roles of Postgres', () => {
  test('are the same in the script for administrators and in the code', () => {
    const script = text('deploy/postgres/roles.sql');
    const code = text('src/postgres/roles.ts');
    const attributes = 'LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD';
    expect(code).toContain(attributes);
    const altered = [...script.matchAll(/^ALTER ROLE (\w+) (.+) :'(\w+)_password';$/gm)];
    expect(altered.map((match) => match[1])).toEqual([...ROLES]);
    for (const [, role, given, variable] of altered) {
      expect(given).toBe(attributes);
      expect(role).toBe(`analytics_${variable}`);
      expect(script).toContain(
        `\\getenv ${variable}_password ANALYTICS_${variable?.toUpperCase()}_PASSWORD`,
      );
    }
  });
});
